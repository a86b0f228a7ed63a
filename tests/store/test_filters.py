from __future__ import annotations

import pytest

from rag.store.filters import passes_filter
from rag.types import Filter


@pytest.mark.parametrize(
    ("pattern", "passes"), [("*oz*", True), ("The OZONE layer", True), ("ozone.md", True), ("ozone", False)]
)
def test_document_pattern_is_matched_with_id_and_title_regardless_of_case(pattern: str, passes: bool) -> None:
    assert passes_filter(Filter(document=pattern), id_="ozone.md", title="The ozone layer", date=None) is passes


@pytest.mark.parametrize("name", ["notes [draft].md", "What? [1].md", "[a-z]*.md"])
def test_document_with_signs_of_patterns_in_its_name_matches_itself(name: str) -> None:
    assert passes_filter(Filter(document=name.upper()), id_=name, title="Notes", date=None)
    assert passes_filter(Filter(document=name), id_="notes.md", title=name, date=None)


@pytest.mark.parametrize(
    ("where", "date", "passes"),
    [
        (Filter(since="1914"), "1914-08-15", True),
        (Filter(since="1914-09"), "1914-08-15", False),
        (Filter(since="1914-09"), "1914", True),
        (Filter(until="1914-08-14"), "1914-08-15", False),
        (Filter(until="1914"), "1914-08-15", True),
        (Filter(since="1914"), None, False),
    ],
)
def test_dates_are_compared_at_the_precision_that_both_have(where: Filter, date: str | None, passes: bool) -> None:
    assert passes_filter(where, id_="canal.txt", title="The Canal", date=date) is passes
