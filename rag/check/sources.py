"""Find the passages that an entry of a source list names: in the brief, the index, a file or a web page."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rag._internal.ids import CHUNK_ID, valid_ids
from rag.check.parsed_brief import ListedSource
from rag.check.source_list import path_links
from rag.embedding import count_tokens
from rag.ingest import chunk_document, extract, find
from rag.store import Catalogue
from rag.types import Chunk, Document, Skipped

if TYPE_CHECKING:
    from rag.store import Index

PASSAGES_JUDGED = 4
"""Passages of a cited file or page that are judged for one sentence."""

_URL = re.compile(r"https?://[^\s<>\"'`)\]]+")
_QUOTED_PATH = re.compile(r"(`+)(.+?)\1")
_PATH = re.compile(r"[^\s`()<>,;]+\.[A-Za-z]\w{1,7}(?=[\s,;:.)]|$)")
_FILES_LOOKED_AT = 5_000
"""Files below a folder among which a bare file name is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePassages:
    """The passages of one source.

    Attributes:
        exact: the passages that the source names.
        catalogue: the chunks of a whole file or page, to search for passages near a sentence.
        fault: why there are no passages; empty if there are.
        forged: whether the fault is in the citation itself, not in reading what it names.
    """

    exact: tuple[Chunk, ...] = ()
    catalogue: Catalogue | None = None
    fault: str = ""
    forged: bool = False

    def near(self, sentence: str) -> list[Chunk]:
        """Return the passages that may state ``sentence``, the likeliest first."""
        ranked = self.catalogue.lexical(sentence, PASSAGES_JUDGED) if self.catalogue else ()
        return [*self.exact, *(passage for passage, _ in ranked)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReader:
    """Reads the sources that a brief lists.

    Attributes:
        directories: where files with relative paths are looked for, in this order.
        index: the index to look up chunk ids and addresses in, if there is one.
        fetch: whether web addresses may be fetched.
    """

    directories: Sequence[Path]
    index: Index | None
    fetch: bool

    def read_source(self, key: str, source: ListedSource) -> SourcePassages:
        """Return the passages of ``source``, which claims cite as ``key``."""
        if source.fault:
            return SourcePassages(fault=source.fault, forged=True)
        if source.chunk is not None:
            return SourcePassages(exact=(source.chunk,))
        ids = CHUNK_ID.findall(source.entry)
        for chunk_id in ids:
            if self.index is not None and (indexed := self.index.catalogue.chunks_with_id(chunk_id)):
                return SourcePassages(exact=tuple(indexed))
        urls = _URL.findall(source.entry)
        for url in urls:
            if self.index is not None and (document := self.index.catalogue.document(url.rstrip(".,;"))):
                return _passages_of([document], ids)
        for name in _file_names(source.entry):
            if self.index is not None and (document := self.index.catalogue.document(name)):
                return _passages_of([document], ids)
        fault = f"source {key} names no passage, file or address that can be read: {source.entry[:80]}"
        for path in self._files(source.entry) or (urls[:1] if self.fetch else []):
            [item] = find([str(path)])
            documents, skipped = ([], [item]) if isinstance(item, Skipped) else extract(item)
            if documents:
                return _passages_of(documents, ids)
            fault = f"source {key}: {path}: {skipped[0].reason}"
        if urls and not self.fetch:
            fault = f"source {key}: {urls[0]} was not fetched (--fetch reads it)"
        return SourcePassages(fault=fault)

    def _files(self, entry: str) -> list[Path]:
        """Return the first existing file that ``entry`` names, in a list; an empty list if there is none.

        A file name without a folder also means the only file of that name below one of the directories.
        """
        names = [name for name in _file_names(entry) if "://" not in name]
        paths = [directory / name for name in names for directory in self.directories]
        found = [path for path in paths if _is_file(path)][:1]
        if not found:
            found = [alike for path in paths if " " in path.name and (alike := _alike_but_for_spaces(path))]
        if not found:
            bare = [name for name in names if not re.search(r"[/\\\s]", name) and Path(name).suffix]
            found = [path for name in bare for directory in self.directories if (path := _only_file(directory, name))]
        return found[:1]


def _file_names(entry: str) -> Iterator[str]:
    """Yield what may be a file's name in ``entry``: the destination of a link, quoted text, all of it, words."""
    yield from path_links(entry)
    yield from (name.strip() for _, name in _QUOTED_PATH.findall(entry))
    yield entry
    for separator in (r",\s", r"\s"):  # "notes (final).md, p. 3": the longest beginning that is a file
        ends = [cut.start() for cut in re.finditer(separator, entry)]
        yield from (entry[:end].rstrip(" .,;:") for end in reversed(ends[:20]))
    yield from _PATH.findall(entry)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL
        return False


def _alike_but_for_spaces(path: Path) -> Path | None:
    """Return the only file in the folder of ``path`` whose name differs in white space alone, or None.

    A brief prints a line break in a file's name as a space.
    """
    words = path.name.split()
    try:
        found = [each for each in path.parent.iterdir() if each.name.split() == words and each.is_file()]
    except (OSError, ValueError):
        return None
    return found[0] if len(found) == 1 else None


def _only_file(directory: Path, name: str) -> Path | None:
    """Return the file of this name below ``directory``, hidden folders excepted; None unless there is exactly one."""
    found = [path for path in islice(_walk(directory), _FILES_LOOKED_AT) if path.name == name]
    return found[0] if len(found) == 1 else None


def _walk(directory: Path) -> Iterator[Path]:
    for parent, children, files in os.walk(directory):
        children[:] = sorted(each for each in children if not each.startswith("."))
        yield from (Path(parent, file) for file in files)


def _passages_of(documents: Sequence[Document], ids: Sequence[str]) -> SourcePassages:
    """Return the passages with the chunk ids ``ids`` if a document has them, else all passages of the documents."""
    named = set(ids)
    catalogue = Catalogue(Path(":memory:"))
    for document in documents:
        chunks = chunk_document(document, count_tokens=count_tokens)
        if exact := tuple(part for part in chunks if not named.isdisjoint(valid_ids(part))):
            return SourcePassages(exact=exact)
        records = [(part, part.id) for part in chunks]
        if catalogue.document(document.id) is None and catalogue.owner_of_ids(records) is None:  # else it is a double
            catalogue.put_document(document, document.id, records)
    return SourcePassages(catalogue=catalogue)
