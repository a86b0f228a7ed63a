from __future__ import annotations

import pytest

from rag.ingest.dates import iso_date


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2019", "2019"),
        ("2019-4", "2019-04"),
        ("18 April 2019", "2019-04-18"),
        ("April 18, 2019", "2019-04-18"),
        ("March 2019", "2019-03"),
        ("2019-04-18T10:00:00Z", "2019-04-18"),
        ("2019-13-40", None),
        ("soon", None),
        (None, None),
    ],
)
def test_text_that_is_a_date_becomes_iso_8601_and_other_text_none(text: str | None, date: str | None) -> None:
    assert iso_date(text) == date
