"""Whether evidence supports a sentence: the verifier, and the numbers, dates and names that evidence does not give."""

from rag.verify.facts import missing, suspicions, vetoes
from rag.verify.verifier import SupportVerifier, Verifier, default_verifier

__all__ = ["SupportVerifier", "Verifier", "default_verifier", "missing", "suspicions", "vetoes"]
