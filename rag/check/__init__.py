"""Check anybody's brief: parse its claims and sources (``claims``), and verify each claim (``checker``)."""

from rag.check.claims import read_claims
from rag.check.parsed_brief import DISAGREEMENT_PART, ListedSource, ParsedBrief

__all__ = ["DISAGREEMENT_PART", "ListedSource", "ParsedBrief", "read_claims"]
