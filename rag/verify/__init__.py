"""Verifiers by spec, and the numbers, dates and names of a sentence that its evidence does not give."""

from rag.verify.candidates import near_chunks
from rag.verify.facts import missing, suspicions, vetoes
from rag.verify.protocol import Premise, Verifier
from rag.verify.spec import VerifierChoice, connect_verifier, open_verifier, resolve_verifier, verifier_of_writer
from rag.verify.support_verifier import SupportVerifier, default_verifier, find_support_model, load_support_model

__all__ = [
    "Premise",
    "SupportVerifier",
    "Verifier",
    "VerifierChoice",
    "connect_verifier",
    "default_verifier",
    "find_support_model",
    "load_support_model",
    "missing",
    "near_chunks",
    "open_verifier",
    "resolve_verifier",
    "suspicions",
    "verifier_of_writer",
    "vetoes",
]
