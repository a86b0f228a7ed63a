"""What is typed into the fields of a PDF form, and the text boxes that a reader added to a page."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

from rag.ingest.omissions import Tally
from rag.ingest.pdf.api import pdfium_api
from rag.ingest.pdf.frame import Frame
from rag.ingest.pdf.runs import Run

_MAX_ANNOTATIONS = 5_000
_HIDDEN_FLAGS = 0x02 | 0x20
"""Hidden, and not viewed."""
_CHARS = 65_536


def open_form(pdf: Any, tally: Tally) -> bool:
    """Prepare a pypdfium2 document for :func:`field_runs`; return whether it is a form."""
    raw = pdfium_api()
    kind = raw.FPDF_GetFormType(pdf.raw)
    if kind in {raw.FORMTYPE_XFA_FULL, raw.FORMTYPE_XFA_FOREGROUND}:
        tally.add("fields of an XFA form")
    if kind == raw.FORMTYPE_NONE:
        return False
    pdf.init_forms()
    return pdf.formenv is not None


def field_runs(pdf: Any, page: Any, number: int, frame: Frame, tally: Tally) -> list[Run]:
    """Return the values of the fields of a page and the text boxes on it, as runs at their places.

    Comments are counted and not read, for they are no text of the document.

    Args:
        number: that of the page, from 1.
    """
    raw = pdfium_api()
    found: list[Run] = []
    for index in range(min(raw.FPDFPage_GetAnnotCount(page.raw), _MAX_ANNOTATIONS)):
        item = raw.FPDFPage_GetAnnot(page.raw, index)
        if not item:
            continue
        try:
            kind = raw.FPDFAnnot_GetSubtype(item)
            if raw.FPDFAnnot_GetFlags(item) & _HIDDEN_FLAGS:
                continue
            if kind == raw.FPDF_ANNOT_WIDGET and pdf.formenv is not None:
                text = _field_value(raw, pdf.formenv.raw, item)
            elif kind == raw.FPDF_ANNOT_FREETEXT:
                text = _string(partial(raw.FPDFAnnot_GetStringValue, item, b"Contents"))
            else:
                if kind in {raw.FPDF_ANNOT_TEXT, raw.FPDF_ANNOT_HIGHLIGHT, raw.FPDF_ANNOT_STRIKEOUT}:
                    tally.add("comments", part=number)
                continue
            if " ".join(text.split()):
                found += _runs_at(raw, item, text, frame)
        finally:
            raw.FPDFPage_CloseAnnot(item)
    return found


def _field_value(raw: Any, form: Any, item: Any) -> str:
    kind = raw.FPDFAnnot_GetFormFieldType(form, item)
    if kind in {raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON}:
        return "[x]" if raw.FPDFAnnot_IsChecked(form, item) else ""
    if kind not in {raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX}:
        return ""
    password = 1 << 13
    if kind == raw.FPDF_FORMFIELD_TEXTFIELD and raw.FPDFAnnot_GetFormFieldFlags(form, item) & password:
        return ""
    return _string(partial(raw.FPDFAnnot_GetFormFieldValue, form, item))


def _string(read: Callable[[Any, int], int]) -> str:
    """Return the UTF-16 string that one of pdfium's functions writes into a buffer."""
    size = read(None, 0)
    if not 2 < size <= 2 * _CHARS:
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    read(buffer, size)
    return bytes(buffer)[: size - 2].decode("utf-16-le", "replace")


def _runs_at(raw: Any, item: Any, text: str, frame: Frame) -> list[Run]:
    rect = raw.FS_RECTF()
    if not raw.FPDFAnnot_GetRect(item, rect):
        return []
    left, bottom, right, top = frame.box(
        (
            min(rect.left, rect.right),
            min(rect.top, rect.bottom),
            max(rect.left, rect.right),
            max(rect.top, rect.bottom),
        )
    )
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    step = max(4.0, (top - bottom) / len(lines))
    size = min(11.0, 0.75 * step)
    return [
        Run(text=f" {line} ", x0=left, x1=right, y=top - step * (n + 0.5) - 0.35 * size, size=size)
        for n, line in enumerate(lines)
    ]
