"""The source list of a brief in Markdown: its entries, and the names by which sentences cite them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from urllib.parse import unquote

from rag.text import words_of

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")

_HEADINGS = frozenset(
    {"sources", "source list", "references", "reference list", "citations", "bibliography", "works cited", "footnotes",
     "endnotes", "literature", "literature cited"}
)  # fmt: skip
_HEADING = re.compile(r"^\s{0,3}(?:#{1,6}\s*)?[*_]*(\d+[.)]?\s+)?([A-Za-z][A-Za-z ]*?):?[*_]*:?\s*#*$")
_BULLET = r"^\s{0,3}(?:[-*+•]\s+)?[*_]{0,2}"
_LABELLED = re.compile(rf"{_BULLET}(?:\[\^?(\d{{1,4}})\]|\[\^([^\]\s]+)\]:|【([^】]+)】)[*_]{{0,2}}:?\s+(\S.*)$")
"""A line that is an entry wherever it stands: ``[1] …``, ``[^1]: …``, ``[^name]: …`` or ``【4:0†file】 …``."""
_LISTED = re.compile(
    rf"{_BULLET}(?:\[([^\]]+)\]|\((\d{{1,4}})\)|(\d{{1,4}})[.)]|<sup>(\d{{1,4}})</sup>|([⁰¹²³⁴-⁹]+))[*_]{{0,2}}:?\s+(\S.*)$"
)
"""A line that is an entry in the source list: also ``1. …``, ``(1) …``, ``[key] …``, ``¹ …``."""
_ROW = re.compile(r"^\s{0,3}\|\s*(?:\[?\^?(\d{1,4})\]?|[\s:-]*)\s*\|(.*)\|\s*$")
_INNER_KEY = re.compile(r"^(?:\(([^()]+)\)\s*:|\[([^\]]+)\]\s*:?|([A-Za-z][\w-]*\d{4}[a-z]?)\s*[:.])\s+(?=\S)")
"""A second name at the beginning of an entry: ``(Hale1931 pages 2-3): …`` or ``[hale1931] …``."""
_ITEM = re.compile(r"^\s{0,3}[-*+•]\s+(\S.*)$")
_RULE = re.compile(r"^\s{0,3}([-*_])(?:\s*\1){2,}\s*$")
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]\d\d|20\d\d)[a-z]?(?![\d])")
_PATH_IN_ENTRY = re.compile(r"[^\s`()<>,;\[\]]+\.[A-Za-z]\w{1,7}")
_AUTHORS_SPAN = 160
"""Characters at the beginning of an entry in which its authors stand."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """An entry of a source list: the names that it gives itself, and its text."""

    labels: list[str] = field(default_factory=list)
    text: str

    @property
    def years(self) -> set[str]:
        """The years that the entry names, with the letter that may follow."""
        return set(_YEAR.findall(self.text))


@dataclass(frozen=True, slots=False, kw_only=True)
class SourceList:
    """The entries of a brief. ``keys[i]`` is the name under which the check reports ``entries[i]``."""

    entries: Sequence[Entry]

    @cached_property
    def keys(self) -> list[str]:
        """A distinct name for each entry: its first label, or else its first word and its year."""
        keys: list[str] = []
        for entry in self.entries:
            key = entry.labels[0] if entry.labels else _short_name(entry)
            unlabelled = not entry.labels and key in keys
            keys.append(f"{key} ({len(keys) + 1})" if unlabelled else key)
        return keys

    @cached_property
    def _by_label(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for entry, key in zip(self.entries, self.keys, strict=True):
            for label in entry.labels:
                found.setdefault(normal(label), key)
                if re.search(r"\d", first := label.split()[0]):  # "Hale1931" of "Hale1931 pages 2-3"
                    found.setdefault(normal(first), key)
        return found

    def by_label(self, label: str) -> str | None:
        """Return the key of the entry with this label; None if there is none."""
        return self._by_label.get(normal(label))

    def by_author(self, names: str, year: str) -> list[str]:
        """Return the keys of the entries by these authors, such as ``Hale & Moss`` or ``Hale et al.``, of this year."""
        wanted = [word for word in words_of(names.casefold()) if word not in ("et", "al", "and")]
        return [
            key
            for entry, key in zip(self.entries, self.keys, strict=True)
            if year in entry.years and wanted and _begins_with_authors(entry.text, wanted)
        ]

    def by_file(self, name: str) -> list[str]:
        """Return the keys of the entries that name this file, by its path or by its last part."""
        wanted = unquote(name).casefold()
        return [
            key
            for entry, key in zip(self.entries, self.keys, strict=True)
            if any(
                path == wanted or PurePosixPath(path).name == wanted
                for path in (found.casefold() for found in _PATH_IN_ENTRY.findall(unquote(entry.text)))
            )
        ]

    @property
    def has_keys(self) -> bool:
        """Whether some entry names itself by a word with a year, such as ``Hale1931``."""
        return any(re.match(r"[A-Za-z][\w-]*?\d{4}[a-z]?\b", label) for entry in self.entries for label in entry.labels)

    @property
    def names_authors(self) -> bool:
        """Whether some entry has a year and no number, so that sentences cite it by author and year."""
        return any(entry.years and not any(map(str.isdigit, entry.labels[:1])) for entry in self.entries)


def normal(label: str) -> str:
    """Return ``label`` without a caret, outer spaces, runs of spaces and capitals."""
    return " ".join(label.strip().lstrip("^@").casefold().split())


def split_source_list(text: str) -> tuple[str, SourceList]:
    """Separate the source list from the rest of ``text``.

    Lines that begin with ``[n]`` or a footnote's name are entries wherever they are. Under a heading such as "Sources"
    every line, item or paragraph is one.
    """
    reader = _ListReader()
    for line in text.splitlines():
        reader.read(line)
    entries: dict[str, Entry] = {}
    for number, entry in enumerate(reader.entries):  # of two entries with one name, the later one counts
        entries[entry.labels[0] if entry.labels else f"\0{number}"] = entry
    return "\n".join(reader.prose), SourceList(entries=tuple(entries.values()))


class _ListReader:
    """Reads a brief line by line into ``prose`` and ``entries``."""

    def __init__(self) -> None:
        self.prose: list[str] = []
        self.entries: list[Entry] = []
        self._in_list = False
        self._may_begin = False
        """Whether a numbered heading that names sources was the last thing: it may be that of a section of prose."""
        self._is_labelled = False
        """Whether the list has an entry with a label; then other lines begin none."""
        self._open: Entry | None = None

    def read(self, line: str) -> None:
        heading = _HEADING.match(line)
        if self._may_begin and line.strip():
            self._may_begin, self._in_list = False, _is_entry(line)
        if heading and (line.lstrip().startswith("#") or heading[2].strip().casefold() in _HEADINGS):
            names_sources = heading[2].strip().casefold() in _HEADINGS
            self._in_list, self._may_begin = names_sources and not heading[1], names_sources and bool(heading[1])
            self._is_labelled, self._open = False, None
        elif line.lstrip().startswith("#") or (self._in_list and self.entries and _RULE.match(line)):
            self._in_list, self._open = False, None
        if entry := self._entry(line):
            self.entries.append(entry)
            self._open = entry
            self._is_labelled = self._is_labelled or bool(entry.labels)
        elif self._open and line.strip() and (self._in_list or line.startswith("  ")):
            self._open.text += f" {line.strip()}"
        elif self._in_list and line.strip() and not self._is_labelled and not heading and line.lstrip()[0] not in "|<":
            self._open = Entry(text=line.strip())
            self.entries.append(self._open)
        else:
            self._open = None
            self.prose.append("" if self._in_list else line)

    def _entry(self, line: str) -> Entry | None:
        """Return the entry that begins with ``line``; None if it goes on or belongs to the prose."""
        if found := _LABELLED.match(line):
            return _entry_of(found)
        if not self._in_list:
            return None
        if found := _LISTED.match(line):
            return _entry_of(found)
        if (row := _ROW.match(line)) and row[1]:
            return Entry(labels=[row[1]], text=" ".join(cell.strip() for cell in row[2].split("|")))
        if not self._is_labelled and (item := _ITEM.match(line)):
            return Entry(text=item[1])
        if self._open and not self._open.labels and _begins_like(line, self._open):
            return Entry(text=line.strip())
        return None


def _is_entry(line: str) -> bool:
    return any(pattern.match(line) for pattern in (_LABELLED, _LISTED, _ITEM, _ROW))


def _entry_of(found: re.Match[str]) -> Entry:
    *labels, text = found.groups()
    label = next(filter(None, labels)).translate(SUPERSCRIPTS)
    entry = Entry(labels=[label.lstrip("^@")], text=text.strip())
    if "†" in label:
        entry.labels += [part for part in label.split("†") if part]
    if inner := _INNER_KEY.match(entry.text):
        entry.labels.append(next(filter(None, inner.groups())))
    return entry


def _begins_like(line: str, last: Entry) -> bool:
    """Return whether ``line`` begins another entry, in a list without marks: not indented, complete ones before it."""
    return not line.startswith(" ") and bool(_YEAR.search(line)) and bool(last.years)


def _begins_with_authors(text: str, wanted: Sequence[str]) -> bool:
    """Return whether an entry begins with the first of ``wanted`` and has the others among its authors."""
    begin = words_of(text.lstrip('*_"“([')[:_AUTHORS_SPAN].casefold())
    return (begin[:1] == [wanted[0]] and set(wanted) <= set(begin)) or begin[: len(wanted)] == list(wanted)


def _short_name(entry: Entry) -> str:
    words = re.findall(r"\w+", entry.text)
    year = _YEAR.search(entry.text)
    return " ".join([*words[:1], *([year[0]] if year else [])]) or entry.text[:40]


def path_links(entry: str) -> Iterator[str]:
    """Yield the destinations of the Markdown links in an entry, decoded."""
    for angled, plain in re.findall(r"\]\((?:<([^>\n]+)>|((?:[^()\s]|\([^()\s]*\))+))", entry):
        yield from dict.fromkeys((angled or plain, unquote(angled or plain)))
