"""Whether evidence supports a sentence: verifiers by spec, and the checks of numbers, dates, names and hedges."""

from rag.verify.facts import denial, missing, reserve
from rag.verify.protocol import Verifier
from rag.verify.spec import VerifierChoice, connect_verifier, open_verifier, resolve_verifier, verifier_of_writer
from rag.verify.support_verifier import SupportVerifier, default_verifier

__all__ = [
    "SupportVerifier",
    "Verifier",
    "VerifierChoice",
    "connect_verifier",
    "default_verifier",
    "denial",
    "missing",
    "open_verifier",
    "reserve",
    "resolve_verifier",
    "verifier_of_writer",
]
