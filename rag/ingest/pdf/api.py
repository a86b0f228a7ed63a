"""pdfium's C functions."""

from __future__ import annotations

from typing import Any


def pdfium_api() -> Any:
    """Return pdfium's C functions; their names exist at run time only."""
    from pypdfium2 import raw

    return raw
