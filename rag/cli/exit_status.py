"""Exit statuses that do not come from an error; each error of ``rag/errors.py`` carries its own."""

DONE = 0
FAILED = 1
BELOW_THE_BAR = 3
"""The command ran, but the corpus does not answer the question, or too few sentences are supported."""
STOPPED = 130
"""The user or the system stopped the program (128 + SIGINT)."""
