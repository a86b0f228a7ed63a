"""Check anybody's brief: parse its claims and sources (``claims``), and verify each claim (``checker``)."""

from rag.check.claims import read_claims
from rag.check.parsed_brief import DISAGREEMENTS, ListedSource, ParsedBrief

__all__ = ["DISAGREEMENTS", "ListedSource", "ParsedBrief", "read_claims"]
