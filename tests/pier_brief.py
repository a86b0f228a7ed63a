"""A brief on a pier by a scripted large model: passages, replies, verifier and search for the tests of composing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from briefs import chunk
from fault_server import FaultServer, ReceivedRequest, ScriptedReply, good

from rag.llm import ChatClient, prompts
from rag.progress import Step
from rag.text import words_of
from rag.types import Brief, Chunk, Hit, Quote, Trace, Verdict
from rag.verify import Premise
from rag.writing.disagreements import Conflict
from rag.writing.evidence import EvidenceSentence
from rag.writing.large_composition import compose_with_large_model
from rag.writing.large_writer import LargeWriter
from rag.writing.model_calls import clean_sentences
from rag.writing.outline import Outline, OutlineSection
from rag.writing.question_run import PROMPTS

TRACE = Trace(
    version="0", model="m", parameters={}, prompts={}, embedder="minilm", fingerprint="", verifier="", seconds={},
    tokens={}, cost=None,
)  # fmt: skip

BOARD = chunk(
    "board.md",
    "The harbour board of Oslo approved the new pier in May 2011. However, the council revoked the approval in June.",
    heading_path=("Board",),
)
COST = chunk(
    "cost.md",
    "The pier in Oslo cost 41 million kroner, the city's auditor found in 2014. "
    "The auditor praised the stone work of the pier in a second report.",
    heading_path=("Board",),
)
FERRY = chunk(
    "ferry.md", "The ferry company Nesodden moved its boats to the pier in 2015, to save fuel.", heading_path=("Ferry",)
)
HITS = [Hit(chunk=each, rank=rank, score=1.0) for rank, each in enumerate((BOARD, COST, FERRY), 1)]

APPROVED = "The harbour board of Oslo approved the new pier in May 2011."
REVOKED = "The council revoked the approval in June."
COST_FOUND, PRAISED = clean_sentences(COST.text)

RIGHT, CHEAP = "In May 2011 the board gave the pier its approval.", "An audit put the cost at 41 million kroner."
MOVED = "Nesodden's boats have used the pier since 2015."
LATE = "Boats came late."
SUMMARY = "The pier was approved, dear, and in the end used by boats."
CONCLUSION = "What is settled is the use of the pier, not its approval."


def evidence(source: Chunk, text: str) -> EvidenceSentence:
    start = source.text.index(text)
    return EvidenceSentence(text=text, chunk=source, start=start, end=start + len(text))


QUOTED = Outline(
    sections=(
        OutlineSection(heading="Board", evidence=(evidence(BOARD, APPROVED), evidence(COST, COST_FOUND))),
        OutlineSection(heading="Ferry", evidence=(evidence(FERRY, FERRY.text),)),
    ),
    key_points=(evidence(BOARD, APPROVED), evidence(FERRY, FERRY.text)),
)


@dataclass
class ScriptedVerifier:
    """Supports a text by the chunk that ``stated`` names; all else has no support."""

    stated: dict[str, Chunk] = field(default_factory=dict)
    unsupported: dict[str, str] = field(default_factory=dict)
    score: float = 0.95
    needed: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    name: str = "scripted"
    min_reattribution_score: float = 0.7
    of_citations: ScriptedVerifier | None = None
    asked: list[list[str]] = field(default_factory=list)

    @property
    def citation_judge(self) -> ScriptedVerifier:
        return self.of_citations or self

    def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
        self.asked.append([text for text, _ in pairs])
        return [
            replace(self._verdict(text, self.stated.get(text) in premises), needed=self.needed.get(text, ()))
            for text, premises in pairs
        ]

    def quotes(self, sentence: str, chunks: Sequence[Chunk]) -> tuple[Quote, ...]:
        found = []
        for each in chunks:
            best = max(clean_sentences(each.text), key=lambda text: len(_words(text) & _words(sentence)))
            start = each.text.index(best)
            found.append(Quote(chunk_id=each.id, start=start, end=start + len(best), text=best))
        return tuple(found)

    def _verdict(self, text: str, full: bool) -> Verdict:
        if full:
            return Verdict(support="full", score=self.score, judge=self.name)
        clause = self.unsupported.get(text, "")
        return Verdict(support="none", score=0.1, judge=self.name, reason="refuted", unsupported=clause)


def _words(text: str) -> set[str]:
    return set(words_of(text.lower()))


Search = tuple[list[str], list[str], list[str], set[str]]
"""Queries for gaps, other queries, and the ids of the passages at hand and of those that are known."""


@dataclass
class ScriptedSearch:
    """Finds the passages that ``finds`` has for a query, and those beside what is found."""

    finds: Mapping[str, Sequence[Hit]]
    beside_found: Mapping[str, Sequence[Chunk]]
    asked: list[Search] = field(default_factory=list)

    def find(
        self, gaps: Sequence[str], searches: Sequence[str], at_hand: Sequence[Chunk], known: Collection[str]
    ) -> Sequence[Hit]:
        self.asked.append((list(gaps), list(searches), [chunk.id for chunk in at_hand], set(known)))
        hits = [hit for query in dict.fromkeys((*gaps, *searches)) for hit in self.finds.get(query, ())]
        return [hit for hit in hits if hit.chunk.id not in known]

    def companions(self, chunks: Sequence[Chunk]) -> Mapping[str, Sequence[Chunk]]:
        return {chunk.id: self.beside_found.get(chunk.id, ()) for chunk in chunks}


class ModelServer(FaultServer):
    """Answers each request by the name of its prompt."""

    def __init__(self, replies: Mapping[str, Sequence[ScriptedReply]]) -> None:
        super().__init__()
        self.replies = {name: list(own) for name, own in replies.items()}

    def _next(self, request: ReceivedRequest) -> ScriptedReply:
        super()._next(request)
        return self.replies[name_of(request)].pop(0)


def name_of(request: ReceivedRequest) -> str:
    return str(request.body["response_format"]["json_schema"]["name"])


def request_for(name: str, requests: Sequence[ReceivedRequest]) -> str:
    """Return the user's text of the only request with the prompt of this name."""
    [found] = [str(each.body["messages"][1]["content"]) for each in requests if name_of(each) == name]
    return found


def selection(*read: str, searches: Sequence[str] = ()) -> ScriptedReply:
    return good({"read": list(read), "searches": list(searches)})


Written = Sequence[tuple[str, list[str]]]
Correction = tuple[str, str, str, list[str]]

APPROVAL: Written = [(RIGHT, ["E1"]), (CHEAP, ["E2"])]
USE: Written = [(MOVED, ["E3"])]


def written(
    approval: Written = APPROVAL,
    use: Written = USE,
    *,
    headings: tuple[str, str] = ("Approval and price", "Use of the pier"),
    summary: Written = ((SUMMARY, ["E1"]),),
    conclusion: Written = (),
    disagreements: Sequence[tuple[str, Written]] = (),
    gaps: Sequence[tuple[str, str]] = (),
    searches: Sequence[str] = (),
    answered: str = "fully",
) -> ScriptedReply:
    """Return a brief of two sections; one without items is left out. ``gaps`` have their searches."""

    def items(own: Written) -> list[dict[str, Any]]:
        return [{"text": text, "citations": ids} for text, ids in own]

    sections = [
        {"heading": heading, "sentences": items(own)}
        for heading, own in zip(headings, (approval, use), strict=True)
        if own
    ]
    return good(
        {
            "answered": answered,
            "outline": "First the approval, then the use.",
            "sections": sections,
            "summary": items(summary),
            "conclusion": items(conclusion),
            "disagreements": [{"about": about, "sides": items(sides)} for about, sides in disagreements],
            "gaps": [{"gap": gap, "search": search} for gap, search in gaps],
            "searches": list(searches),
        }
    )


def corrections(
    *edits: Correction,
    headings: Mapping[str, str] | None = None,
    closed: Mapping[str, tuple[str, str]] | None = None,
    opened: Sequence[str] = (),
) -> ScriptedReply:
    items = [
        {"sentence": sentence, "action": action, "text": text, "citations": ids, "why": f"{action} it"}
        for sentence, action, text, ids in edits
    ]
    named = [{"section": section, "heading": heading} for section, heading in (headings or {}).items()]
    gaps = [{"gap": gap, "sentence": sentence, "left": left} for gap, (sentence, left) in (closed or {}).items()]
    return good({"edits": items, "headings": named, "closed": gaps, "open": list(opened)})


QUERY = "boats at the pier today"
GOOD: dict[str, Sequence[ScriptedReply]] = {
    "select": [selection("E1", "E2", "E3")],
    "brief": [written(conclusion=[(CONCLUSION, ["E3"])])],
    "edit": [corrections()],
}
SUPPORTED = {RIGHT: BOARD, CHEAP: COST, MOVED: FERRY, SUMMARY: BOARD, CONCLUSION: FERRY}

QUAY = chunk("quay.md", "Since 2017 the old quay serves the boats again, and the pier is left to anglers.")
BACK = "The boats went back to the old quay in 2017."
QUAY_HIT = Hit(chunk=QUAY, rank=2, score=0.5)
WRONG_YEAR = "The ferry company Nesodden moved its boats in 2012."

ONE_SIDE, OTHER_SIDE = "The board stood by its approval of May.", "The auditor disputed that 41 million were right."
DISPUTED = written(
    conclusion=[(CONCLUSION, ["E3"])], disagreements=[("the price", [(ONE_SIDE, ["E1"]), (OTHER_SIDE, ["E2"])])]
)

Compose = Callable[..., tuple[Brief, list[ReceivedRequest]]]


def verifier_of(stated: Mapping[str, Chunk] | None = None, **changes: Any) -> ScriptedVerifier:
    """Return a verifier of :data:`SUPPORTED` and of what else is ``stated``; it leaves citations to another judge."""
    return ScriptedVerifier(stated=SUPPORTED | dict(stated or {}), of_citations=ScriptedVerifier(), **changes)


def texts(brief: Brief) -> list[list[str]]:
    parts = [brief.summary, *(each.sentences for each in brief.sections), brief.conclusion]
    return [[sentence.text for sentence in part] for part in parts]


def actions(brief: Brief) -> list[tuple[str, str]]:
    return [(repair.where, repair.action) for repair in brief.trace.repairs]


def large_writer(model: ChatClient, evidence: Sequence[Chunk]) -> LargeWriter:
    """Return the writer of a brief on the pier, with the packaged prompts."""
    select, brief, edit = map(prompts.load_prompt, PROMPTS[False])
    return LargeWriter(
        model=model,
        question="What of the pier?",
        select_prompt=select,
        brief_prompt=brief,
        edit_prompt=edit,
        evidence=evidence,
    )


def scripted_composition(connect: Callable[[FaultServer], ChatClient]) -> Compose:
    """Return what composes the brief with a scripted verifier and model; it returns the brief with the requests."""

    def compose_with(
        verifier: ScriptedVerifier,
        steps: list[Step] | None = None,
        companions: Mapping[str, Sequence[Chunk]] | None = None,
        finds: Mapping[str, Sequence[Hit]] | None = None,
        searched: list[Search] | None = None,
        conflicts: Sequence[Conflict] = (),
        beside_found: Mapping[str, Sequence[Chunk]] | None = None,
        **replies: Sequence[ScriptedReply],
    ) -> tuple[Brief, list[ReceivedRequest]]:
        with ModelServer({**GOOD, **replies}) as server:
            writer = replace(large_writer(connect(server), [hit.chunk for hit in HITS]), companions=companions or {})
            search = ScriptedSearch(finds=finds or {}, beside_found=beside_found or {})
            brief = compose_with_large_model(
                *("What of the pier?", HITS, replace(QUOTED, conflicts=tuple(conflicts)), writer, verifier),
                sections=6,
                trace=TRACE,
                search=search,
                gaps=["It is not known who paid."],
                on_progress=(steps if steps is not None else []).append,
            )
            if searched is not None:
                searched += search.asked
            assert not any(server.replies.get(name) for name in replies), "a scripted reply was not asked for"
            return brief, server.requests

    return compose_with
