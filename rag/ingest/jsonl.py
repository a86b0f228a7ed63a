"""JSONL: one document a line."""

from __future__ import annotations

import json

from rag.errors import ReadError
from rag.ingest.encoding import decode
from rag.ingest.rows import Row, Rows, row


def read(data: bytes, name: str) -> Rows:
    """The rows of ``data``. A line that is no document is named, and the others go on.

    A row without an id is ``<file>#<line>``.
    """
    text, metadata = decode(data)
    rows: list[Row] = []
    problems: list[tuple[int, str]] = []
    # Not splitlines(): JSON text may hold U+2028 and its like, which are no ends of lines here.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            rows.append(row(values, number, f"{name}#{number}"))
        except json.JSONDecodeError as error:
            problems.append((number, f"not JSON: {error.msg} at column {error.colno}"))
        except RecursionError:
            problems.append((number, "not JSON that can be read: nested too deeply"))
        except ReadError as error:
            problems.append((number, str(error)))
    return Rows(rows=tuple(rows), problems=tuple(problems), media_type="application/jsonl", metadata=metadata)
