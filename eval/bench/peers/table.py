"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return ``rows`` as a table in Markdown, with the keys of the first row as columns; None is a dash."""
    if not rows:
        return ""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns)]
    lines += [["–" if row.get(each) is None else str(row[each]) for each in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
