"""Whether evidence supports a sentence: the verifier, and the checks of numbers, dates, names, denials and hedges."""

from rag.verify.facts import denial, missing, reserve
from rag.verify.verifier import SupportVerifier, Verifier, default_verifier

__all__ = ["SupportVerifier", "Verifier", "default_verifier", "denial", "missing", "reserve"]
