"""Read JSONL: one document per line."""

from __future__ import annotations

import json

from rag.errors import ReadError
from rag.ingest.encoding import decode
from rag.ingest.rows import DocumentRow, ParsedRows, parse_row


def read_jsonl(data: bytes, name: str) -> ParsedRows:
    """Read the rows of ``data``; a line that is not a document is reported and skipped.

    A row without an id gets the id ``<file>#<line>``.
    """
    text, metadata = decode(data)
    rows: list[DocumentRow] = []
    problems: list[tuple[int, str]] = []
    # Not splitlines(): a JSON string may contain U+2028 and other characters that it takes for line ends.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            rows.append(parse_row(values, number, f"{name}#{number}"))
        except json.JSONDecodeError as error:
            problems.append((number, f"not JSON: {error.msg} at column {error.colno}"))
        except ValueError:  # a number of more digits than Python reads
            problems.append((number, "not JSON that can be read: a number with thousands of digits"))
        except RecursionError:
            problems.append((number, "not JSON that can be read: nested too deeply"))
        except ReadError as error:
            problems.append((number, str(error)))
    return ParsedRows(rows=tuple(rows), problems=tuple(problems), media_type="application/jsonl", metadata=metadata)
