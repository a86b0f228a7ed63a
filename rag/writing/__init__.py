"""From question and hits to a brief: evidence sentences, outline, writers, repair and composition.

Other packages open a :class:`rag.writing.session.Session`; its module imports the encoder, so it is not imported here.
"""
