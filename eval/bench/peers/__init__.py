"""Side-by-side comparison of citebrief with other systems on the same documents, questions and models.

``run.py`` runs the systems, ``score.py`` scores the answers, ``blind.py`` makes the sheet for labels by hand. Each
system is one small file with the interface of ``interface.py``. It runs in a process of its own (``worker.py``), under
the interpreter that has its packages, so that versions that conflict can be compared. Modules that such a process
imports use the standard library and that system's packages only.
"""
