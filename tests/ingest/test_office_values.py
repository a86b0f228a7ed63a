from __future__ import annotations

import pytest

from rag.ingest.office_values import date_text, is_date_format, number_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345678901.25, "12345678901.25"),
        (1234567890123456.0, "1234567890123456"),
        (1e18, "1000000000000000000"),
        (-412.0, "-412"),
        (0.1 + 0.2, "0.3"),
        (sum([0.1] * 100), "10"),
        (100 / 3, "33.3333333333333"),
        (1.5e-9, "1.5e-09"),
        (1e300, "1e+300"),
    ],
)
def test_numbers_keep_their_digits_without_the_error_of_binary_fractions(value: float, text: str) -> None:
    assert number_text(value) == text


def test_numbers_with_the_format_of_a_date_are_dates() -> None:
    assert all(map(is_date_format, (r"yyyy\-mm\-dd", "mmm-yy", "[$-409]d/m/yyyy h:mm;@", "m/d/yy")))
    assert not any(map(is_date_format, ("General", "0.00%", '#,##0 "days"', r"#,##0\d", "[Red]0", "h:mm", "_d0", "")))
    assert date_text(43831.0) == "2020-01-01"
    assert date_text(43831.75) == "2020-01-01 18:00:00"
    assert date_text(42369.0, since_1904=True) == "2020-01-01"
    assert date_text(1e12) is None
