"""Verify any brief again: does what each sentence cites state it? Nothing is changed, nothing is fetched unasked.

A citation may be of a passage, or of a whole file or page; of these the passages nearest to the sentence are judged,
alone and two together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from rag.check import claims
from rag.check.claims import Listed, ParsedBrief
from rag.embedding import count_tokens, load_embedder
from rag.errors import IndexMissing, ReadError
from rag.ingest import chunk_document, extract, find
from rag.retrieval.hybrid import retrieve
from rag.store import Catalogue, Index
from rag.types import Chunk, Claim, Document, Quote, Skipped, Verdict
from rag.verify.verifier import Verifier, default_verifier
from rag.writing.repair import MIN_REATTRIBUTION_SCORE

if TYPE_CHECKING:
    from rag.config import Settings

PASSAGES_JUDGED = 4
"""Passages of a cited file or page that are judged."""

SOUGHT = 20
"""Passages of the index among which a better citation is looked for."""

_CHUNK_ID = re.compile(r"\b[a-z0-9]+(?:-[a-z0-9]+)*\.[0-9a-f]{8}\b")
_URL = re.compile(r"https?://[^\s<>\"'`)\]]+")
_PATH = re.compile(r"`([^`]+)`|\]\(([^)]+)\)|([^\s`()<>,;]+\.[A-Za-z]{2,8})(?=[\s,;.)]|$)")


def check_brief(
    path: str, settings: Settings, *, fetch: bool = False, on_progress: Callable[[int, int], None] = lambda *_: None
) -> Report:
    """The report on the brief at ``path``. The index of ``settings`` is used where there is one.

    ``fetch`` allows connections: to the addresses in the source list, and to an embedder that is not on this machine.

    Raises:
        UsageError, ReadError: see :func:`rag.check.claims.read`.
        IndexMismatch: the index was built with something else.
    """
    found = claims.read_claims(path)
    if not found.claims:
        raise ReadError(f"{path}: no sentence to check: the brief says that the corpus does not answer its question")
    try:
        index = Index.open(settings.store, load_embedder(settings.embedder))
    except IndexMissing:
        index = None
    directories = (Path(path).resolve().parent, Path.cwd())
    try:
        checker = Checker(found=found, verifier=default_verifier(), directories=directories, index=index, fetch=fetch)
        return checker.report(on_progress)
    finally:
        if index is not None:
            index.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A claim and what became of it. ``better`` is a passage that supports it fully where its own citations do not."""

    claim: Claim
    verdict: Verdict
    quotes: tuple[Quote, ...] = ()
    better: Chunk | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every claim of a brief, checked. A claim that could not be scored counts as one that is not supported."""

    checked: tuple[Checked, ...]
    judge: str

    @property
    def full(self) -> int:
        """Claims that their citations support fully."""
        return sum(each.verdict.support == "full" for each in self.checked)

    @property
    def share(self) -> float:
        """The share of claims that their citations support fully, 0 to 1."""
        return self.full / len(self.checked)


@dataclass(slots=True, kw_only=True)
class Checker:
    """Checks the claims of one brief. Paths in its source list are looked for in each of ``folders``.

    ``index`` may be None: chunk ids that the brief does not spell out, and better citations, are then out of reach.
    """

    found: ParsedBrief
    verifier: Verifier
    directories: Sequence[Path] = (Path(),)
    index: Index | None = None
    fetch: bool = False
    _sources: dict[str, _Passages] = field(default_factory=dict)

    def report(self, on_progress: Callable[[int, int], None] = lambda *_: None) -> Report:
        """The report on every claim, in reading order."""
        checked = []
        for done, claim in enumerate(self.found.claims):
            on_progress(done, len(self.found.claims))
            checked.append(self._check(claim))
        return Report(checked=tuple(checked), judge=self.verifier.name)

    def passages(self, cited: str, sentence: str) -> Sequence[Chunk] | None:
        """What a citation of ``sentence`` stands for: its passage, or of a whole text the two that come nearest.

        None where the source list has no such entry; nothing where what it names cannot be read.
        """
        if cited not in self.found.sources:
            return None
        source = self._passages(cited)
        return source.exact or source.near(sentence)[:2]

    def _check(self, claim: Claim) -> Checked:
        if not claim.citations:
            return self._failed(claim, self._verdict("cites nothing"), ())
        if unknown := [cited for cited in claim.citations if cited not in self.found.sources]:
            reason = f"cites {', '.join(unknown)}, which the source list does not have"
            return self._failed(claim, self._verdict(reason), ())
        sources = [self._passages(cited) for cited in claim.citations]
        if faults := [source.fault for source in sources if source.forged]:
            return self._failed(claim, self._verdict(faults[0]), ())
        options = list(_options(claim.text, sources))
        verdicts = self.verifier.verify([(claim.text, option) for option in options])
        judged = list(zip(options, verdicts, strict=True))
        option, verdict = max(judged, key=lambda each: (each[1].support == "full", each[1].score), default=((), None))
        if verdict is not None and verdict.support == "full":
            return Checked(claim=claim, verdict=verdict, quotes=self.verifier.quotes(claim.text, option))
        if faults := [source.fault for source in sources if source.fault]:
            return self._failed(claim, Verdict(support=None, score=0.0, judge=self.verifier.name, reason=faults[0]), ())
        return self._failed(claim, verdict or self._verdict("no cited passage shares a word with it"), option)

    def _failed(self, claim: Claim, verdict: Verdict, option: Sequence[Chunk]) -> Checked:
        cited = {part.id for listed in map(self._passages, claim.citations) for part in listed.exact}
        others = {part.id: part for part in self._elsewhere(claim.text) if part.id not in cited}
        verdicts = self.verifier.verify([(claim.text, (part,)) for part in others.values()])
        judged = zip(others.values(), verdicts, strict=True)
        sure = [
            (part, found.score)
            for part, found in judged
            if found.support == "full" and found.score >= MIN_REATTRIBUTION_SCORE
        ]
        better = max(sure, key=lambda each: each[1], default=(None, 0.0))[0]
        return Checked(claim=claim, verdict=verdict, quotes=self.verifier.quotes(claim.text, option[:1]), better=better)

    def _elsewhere(self, sentence: str) -> Iterator[Chunk]:
        """What might be cited instead: the brief's other sources, what it left uncited, the best of the index."""
        for key in self.found.sources:
            yield from self._passages(key).near(sentence)
        yield from self.found.spare
        if self.index is not None and (self.fetch or not self.index.embedder.name.startswith("openai")):
            yield from (hit.chunk for hit in retrieve(self.index, sentence, k=SOUGHT))

    def _verdict(self, reason: str) -> Verdict:
        return Verdict(support="none", score=0.0, judge=self.verifier.name, reason=reason)

    def _passages(self, key: str) -> _Passages:
        if key not in self.found.sources:
            return _Passages()
        if key not in self._sources:
            self._sources[key] = self._read(key, self.found.sources[key])
        return self._sources[key]

    def _read(self, key: str, listed: Listed) -> _Passages:
        if listed.fault:
            return _Passages(fault=listed.fault, forged=True)
        if listed.chunk is not None:
            return _Passages(exact=(listed.chunk,))
        ids = _CHUNK_ID.findall(listed.entry)
        for chunk_id in ids:
            if self.index is not None and (known := self.index.catalogue.chunk(chunk_id)):
                return _Passages(exact=(known,))
        urls = _URL.findall(listed.entry)
        for url in urls:
            if self.index is not None and (document := self.index.catalogue.document(url.rstrip(".,;"))):
                return _whole([document], ids)
        problem = f"source {key} names no passage, file or address that can be read: {listed.entry[:80]}"
        for path in self._files(listed.entry) or (urls[:1] if self.fetch else []):
            [item] = find([str(path)])
            documents, skipped = ([], [item]) if isinstance(item, Skipped) else extract(item)
            if documents:
                return _whole(documents, ids)
            problem = f"source {key}: {path}: {skipped[0].reason}"
        if urls and not self.fetch:
            problem = f"source {key}: {urls[0]} was not fetched (--fetch reads it)"
        return _Passages(fault=problem)

    def _files(self, entry: str) -> list[Path]:
        named = [next(filter(None, groups)) for groups in _PATH.findall(entry)]
        paths = [directory / name for name in named if "://" not in name for directory in self.directories]
        return [path for path in paths if path.is_file()][:1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passages:
    """What a source has: the very passages, or a whole text to look in, or why it has none.

    ``forged`` tells a citation that cannot be right from one that could not be read.
    """

    exact: tuple[Chunk, ...] = ()
    text: Catalogue | None = None
    fault: str = ""
    forged: bool = False

    def near(self, sentence: str) -> list[Chunk]:
        """The passages that may state ``sentence``, the likeliest first."""
        return [*self.exact, *(part for part, _ in (self.text.lexical(sentence, PASSAGES_JUDGED) if self.text else ()))]


def _whole(documents: Sequence[Document], ids: Sequence[str]) -> _Passages:
    """A text to look in; where the source list names a passage by a chunk id that it has, that passage alone."""
    text = Catalogue(Path(":memory:"))
    for document in documents:
        parts = chunk_document(document, count_tokens=count_tokens)
        if exact := tuple(part for part in parts if part.id in ids):
            return _Passages(exact=exact)
        text.put_document(document, document.id, [(part, part.id) for part in parts])
    return _Passages(text=text)


def _options(sentence: str, sources: Sequence[_Passages]) -> Iterator[tuple[Chunk, ...]]:
    """What may support a sentence together: all passages cited, or any one or two of those that came near."""
    near = list({part.id: part for source in sources for part in source.near(sentence)}.values())
    exact = tuple({part.id: part for source in sources for part in source.exact}.values())
    if len(exact) > 2:
        yield exact
    yield from ((part,) for part in near)
    yield from combinations(near, 2)


def as_json(report: Report, brief: str, least: float) -> str:
    """The report for a program: counts, the share and the bar, and every sentence."""
    counts = dict.fromkeys(("full", "partial", "none", "unscored"), 0)
    for each in report.checked:
        counts[each.verdict.support or "unscored"] += 1
    rows = [
        {
            "text": each.claim.text,
            "where": each.claim.where,
            "citations": list(each.claim.citations),
            "support": each.verdict.support,
            "score": each.verdict.score,
            "reason": each.verdict.reason,
            "quotes": [
                {"chunk_id": quote.chunk_id, "start": quote.start, "end": quote.end, "text": quote.text}
                for quote in each.quotes
            ],
            "better": each.better.id if each.better else None,
        }
        for each in report.checked
    ]
    head = {"brief": brief, "judge": report.judge, "n": len(rows), **counts}
    return json.dumps(
        {**head, "share": round(report.share, 4), "min_support": least, "sentences": rows}, ensure_ascii=False
    )


def as_text(report: Report) -> str:
    """The report for a person: each sentence that failed with its reason, and the count."""
    lines = []
    for each in report.checked:
        if each.verdict.support == "full":
            continue
        cited = "".join(f"[{mark}]" for mark in each.claim.citations) or "no citation"
        lines += [f"{each.verdict.support or 'unscored'}  {each.claim.text} {cited}"]
        lines += [
            f"    {each.claim.where}: {each.verdict.reason}" if each.claim.where else f"    {each.verdict.reason}"
        ]
        lines += [f"    nearest: “{' '.join(quote.text.split())}”" for quote in each.quotes]
        if each.better:
            lines += [f"    better: {each.better.id} ({each.better.context})"]
        lines += [""]
    total = len(report.checked)
    lines += [f"{report.full} of {total} sentences are fully supported by what they cite ({100 * report.share:.1f} %)."]
    return "\n".join(lines)
