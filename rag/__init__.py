"""citebrief: briefs in which every sentence cites the retrieved passages that state it."""

import os

# Threads that wait for each other spin by default, and on a machine with other work they spin in each other's way:
# encoding took three times as long there. A short spin costs nothing where nobody else is. It has to be said before
# torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
