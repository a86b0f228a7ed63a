"""Files, folders, globs and URLs → :class:`rag.types.Document`.

:func:`find` says what there is to read, :func:`extract` reads one of it. One module a format; each
yields headings and paragraphs, and :mod:`rag.ingest.blocks` writes them into one text with exact offsets.
"""

from rag.ingest.find import MAX_BYTES, find, root_of
from rag.ingest.read import extract
from rag.ingest.source import EXTRACTOR_VERSION, Source

__all__ = ["EXTRACTOR_VERSION", "MAX_BYTES", "Source", "extract", "find", "root_of"]
