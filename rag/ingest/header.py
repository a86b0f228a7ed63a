"""Read the fields at the top of a document, which give its title, its number and its date."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape

from rag.ingest.clean import clean_text
from rag.ingest.dates import date_of_name, iso_date

_FIELD_LINE = re.compile(r"([A-Za-z][\w-]*(?: [A-Za-z][\w-]*)?)[ \t]*:(?:[ \t]+(.*?))?[ \t]*")
DATE_FIELDS = (
    *("date", "created", "published", "updated", "lastmod", "last modified", "start date", "last updated"),
    *("last update", "last reviewed", "last reviewed on", "status last reviewed", "release date", "effective date"),
    "effective",
)
"""The fields that give a date, in lower case and with spaces between their words, the first that is one."""

OPENING_LINES = 8
"""Lines at the beginning of a document among which its fields are looked for."""

ADDRESS_FIELDS = ("path", "permalink", "url", "slug")
"""Fields of a front matter with the address of the page, which has the day of a post in many blogs."""

TITLE_FIELDS = ("title", "subject")
"""The fields that give a title, in lower case, the first that there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header block: the first value of each field by lower-case name, the lines but the title's, the text after."""

    fields: Mapping[str, str]
    others: str
    rest: str


def split_header(text: str) -> Header | None:
    """Return the header block at the beginning of ``text``, or None if there is none.

    A header block is in the style of RFC 822, as PEPs and letters have it: lines ``Name: value``, each with indented
    lines that continue it, up to the first blank line. One of them is a title or a subject, and no line is of another
    kind, so that a paragraph which begins "Note: …" is none.

    Of 751 files of the PEPs 737 have one; none of 3,179 files of twelve other collections (Markdown, reStructuredText,
    plain text) is taken to have one.
    """
    head, _, rest = text.lstrip("\ufeff\n").partition("\n\n")
    found: list[tuple[str, str]] = []
    for line in head.split("\n"):
        if line[:1] in {" ", "\t"} and found:
            name, value = found[-1]
            found[-1] = name, f"{value} {line.strip()}".strip()
        elif field := _FIELD_LINE.fullmatch(line):
            found.append((field[1], field[2] or ""))
        else:
            return None
    fields: dict[str, str] = {}
    for name, value in found:
        if value:
            fields.setdefault(name.lower(), value)
    title = title_field(fields)
    if title is None:
        return None
    lines = [f"{name}: {value}" for name, value in found if value and (name.lower(), value) != (title, fields[title])]
    return Header(fields=fields, others="\n".join(lines), rest=rest)


_NO_FIELD = re.compile(r"://|^@|[.:]$")
"""In a value that is a link, somebody's handle, a sentence or the beginning of a list."""


def opens_with_fields(text: str) -> bool:
    """Whether one of the first lines of ``text`` is a field of a few words ("Status: accepted"), perhaps in a list.

    Of 1,893 documents of twelve public collections 323 open so: proposals with a status, an author or a date, and 83
    notes of meetings, biographies and others, whose fields a brief does not need.
    """
    first = [line.strip().removeprefix("- ") for line in text.split("\n") if line.strip()][:4]
    values = (found[2] or "" for line in first if (found := _FIELD_LINE.fullmatch(line)))
    return any(1 <= len(value.split()) <= 8 and not _NO_FIELD.search(value) for value in values)


def title_of_fields(fields: Mapping[str, str], name: str) -> str | None:
    """Return the title in ``fields``, whose names are in lower case; None if there is none.

    A document that is known by a number has it before the title: ``PEP: 8`` in ``pep-0008.rst`` gives ``PEP 8: Style
    Guide for Python Code``. Such a field and its number are the file's name.

    Args:
        name: the document's id, which ends with the file's name.
    """
    field = title_field(fields)
    title = clean_text(unescape(fields[field])).strip() if field else ""
    if not title:
        return None
    stem = re.fullmatch(r"([a-z]+)[-_]?0*(\d+)", re.sub(r"\.\w+$", "", name.lower().rsplit("/", 1)[-1]))
    if stem and fields.get(stem[1], "").lstrip("0") == stem[2] and stem[2] not in title:
        kind = stem[1].upper() if len(stem[1]) <= 4 else stem[1].capitalize()
        return f"{kind} {stem[2]}: {title}"
    return title


def title_field(fields: Mapping[str, str]) -> str | None:
    """Return the name of the first of :data:`TITLE_FIELDS` that has a value."""
    return next((field for field in TITLE_FIELDS if fields.get(field)), None)


def date_field(fields: Mapping[str, str]) -> str | None:
    """Return the name of the first of :data:`DATE_FIELDS` that is a date; ``last_updated`` is "last updated"."""
    names = {re.sub(r"[-_]", " ", name): name for name in fields}
    return next((names[field] for field in DATE_FIELDS if field in names and iso_date(fields[names[field]])), None)


def date_of_fields(fields: Mapping[str, str]) -> str | None:
    """Return the first of :data:`DATE_FIELDS` that is a date, or else the day in the address of a page, in ISO 8601."""
    if name := date_field(fields):
        return iso_date(fields[name])
    days = (date_of_name(fields.get(field, "")) for field in ADDRESS_FIELDS)
    return next((day for day in days if day), None)


def date_of_opening(text: str) -> str | None:
    """Return the date in a field among the first lines of ``text``, perhaps in a list or without a colon.

    "Last updated: October 2018" is such a field, and so is "Effective March 18, 2024".

    Of 3,318 documents of 27 public collections 350 have one and no other date: of Rust's RFCs 248 of 250, of Go's
    proposals 71 of 130, of Mozilla's legal documents 25 of 54. Of 80 of these all dates are those that they give.
    """
    plain = (line.split("{:")[0].strip().lstrip("-*• ") for line in text.split("\n"))  # without attributes of kramdown
    first = [line for line in plain if line][:OPENING_LINES]
    found = [field for line in first if (field := _FIELD_LINE.fullmatch(line)) and field[2]]
    fields = {field[1].lower(): field[2] for field in found}
    for line in first:
        fields |= {name: line[len(name) :] for name in DATE_FIELDS if line.lower().startswith(f"{name} ")}
    name = date_field(fields)
    return iso_date(fields[name]) if name else None
