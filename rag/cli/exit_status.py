"""Exit statuses that do not come from an error; each error of ``rag/errors.py`` carries its own."""

DONE = 0
FAILED = 1
FELL_SHORT = 3
"""The command ran, but its result is less than was wanted.

The corpus does not answer the question (ask), too few sentences are supported (check), a question failed or the budget
was spent (batch), or a threshold or the comparison with a baseline failed (eval).
"""
STOPPED = 130
"""The user or the system stopped the program (128 + SIGINT)."""
