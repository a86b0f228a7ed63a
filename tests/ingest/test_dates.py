from __future__ import annotations

import pytest

from rag.ingest.dates import date_of_name, iso_date


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


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("meetings/2024-04-17.md", "2024-04-17"),
        ("_posts/2019-07-15-this-week.markdown", "2019-07-15"),
        ("notes 2021-08-08.docx", "2021-08-08"),
        ("https://example.org/log/2020-02-29/", "2020-02-29"),
        ("news/2019/04/18/minutes", "2019-04-18"),
        ("2019/4/8/minutes.md", "2019-04-08"),
        ("2019/13/18/minutes.md", None),
        ("2019/04/18", None),  # the last part is the file itself
        ("2019-04-18/minutes.md", None),  # a folder may be named by the day of an export
        ("2021-02-30.md", None),
        ("12024-04-17.md", None),
        ("2020-01-01-to-2020-03-31.csv", None),
        ("v2024.md", None),
    ],
)
def test_a_file_that_is_named_by_one_day_is_of_that_day(name: str, date: str | None) -> None:
    assert date_of_name(name) == date
