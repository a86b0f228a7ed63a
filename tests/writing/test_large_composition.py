"""A brief by a large model: written, verified and corrected, never a sentence twice, and a brief at any moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from briefs import chunk
from fault_server import FaultServer, ReceivedRequest, ScriptedReply, failing, good, refused

from rag.errors import Interrupted, ModelError
from rag.llm import ChatClient, prompts
from rag.progress import Step
from rag.text import words_of
from rag.types import Brief, Chunk, Hit, Quote, Trace, Verdict
from rag.verify import Premise
from rag.writing.evidence import EvidenceSentence
from rag.writing.large_composition import compose_with_large_model
from rag.writing.large_writer import LargeWriter
from rag.writing.model_calls import clean_sentences
from rag.writing.outline import Outline, OutlineSection

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
    """Supports a text by the chunk that ``stated`` names, or where it is in ``implied``; all else has no support."""

    stated: dict[str, Chunk] = field(default_factory=dict)
    implied: Collection[str] = (SUMMARY, CONCLUSION)
    unsupported: dict[str, str] = field(default_factory=dict)
    premises: list[str] = field(default_factory=list)
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
        verdicts = [self._verdict(text, self._states(text, premises)) for text, premises in pairs]
        return [
            replace(verdict, needed=self.needed.get(text, ()))
            for (text, _), verdict in zip(pairs, verdicts, strict=True)
        ]

    def _states(self, text: str, premises: Sequence[Premise]) -> bool:
        sentences = [premise for premise in premises if isinstance(premise, str)]
        self.premises += sentences
        if sentences:
            return text in self.implied
        return self.stated.get(text) in premises

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


@dataclass
class ScriptedSearch:
    """Finds the same passages for every query, and others beside those on the ferry."""

    found: Sequence[Hit]
    beside_found: Mapping[str, Sequence[Chunk]]
    beside_ferry: Sequence[Hit]

    def find(self, query: str) -> tuple[Sequence[Hit], Mapping[str, Sequence[Chunk]]]:
        assert query
        return self.found, self.beside_found

    def beside(self, chunks: Sequence[Chunk]) -> Sequence[Hit]:
        return self.beside_ferry if FERRY in chunks else ()


class ModelServer(FaultServer):
    """Answers each request by the name of its prompt: the section calls of a brief arrive in any order."""

    def __init__(self, replies: Mapping[str, Sequence[ScriptedReply]]) -> None:
        super().__init__()
        self.replies = {name: list(own) for name, own in replies.items()}

    def _next(self, request: ReceivedRequest) -> ScriptedReply:
        super()._next(request)
        name, user = name_of(request), request.body["messages"][1]["content"]
        if name == "section":
            heading = user.partition("This section: ")[2].partition("\n")[0]
            return self.replies[heading].pop(0)
        return self.replies[name].pop(0)


def name_of(request: ReceivedRequest) -> str:
    return str(request.body["response_format"]["json_schema"]["name"])


def outline(*themes: tuple[str, list[str]], **changes: Any) -> ScriptedReply:
    point = "The board approved the pier in Oslo, the auditor found its cost, and boats moved to the pier."
    sections = [
        {"heading": heading, "key_points": [{"text": point, "evidence": aliases}], "searches": []}
        for heading, aliases in themes
    ]
    reply = {"answered": "fully", "answer": "Approved and built.", "sections": sections, "not_answered": []}
    return good(reply | {"disagreements": [], "glossary": []} | changes)


def not_answered(gap: str) -> dict[str, Any]:
    return {"gap": gap, "search": gap, "section": 1}


def section(*sentences: tuple[str, list[str]]) -> ScriptedReply:
    return good({"sentences": [{"text": text, "citations": ids} for text, ids in sentences]})


Written = Sequence[tuple[str, list[str]]]
Correction = tuple[str, str, str, list[str]]


def closing(summary: Written, conclusion: Written = (), searches: Sequence[str] = ()) -> ScriptedReply:
    parts = {"summary": summary, "conclusion": conclusion}
    written = {part: [{"text": text, "from": ids} for text, ids in own] for part, own in parts.items()}
    return good({**written, "searches": list(searches)})


def corrections(
    *edits: Correction,
    headings: Mapping[str, str] | None = None,
    closed: Mapping[str, str] | None = None,
    opened: Sequence[str] = (),
) -> ScriptedReply:
    items = [
        {"sentence": sentence, "action": action, "text": text, "citations": ids, "why": f"{action} it"}
        for sentence, action, text, ids in edits
    ]
    named = [{"section": section, "heading": heading} for section, heading in (headings or {}).items()]
    gaps = [{"gap": gap, "sentence": "S1", "left": left} for gap, left in (closed or {}).items()]
    return good({"edits": items, "headings": named, "closed": gaps, "open": list(opened)})


THEMES = outline(("Approval and price", ["E1", "E2"]), ("Use of the pier", ["E3"]))
CLOSING = closing([(SUMMARY, ["S1", "S3"])], [(CONCLUSION, ["S3"])])
GOOD: dict[str, Sequence[ScriptedReply]] = {
    "outline": [THEMES],
    "Approval and price": [section((RIGHT, ["E1"]), (CHEAP, ["E2"]))],
    "Use of the pier": [section((MOVED, ["E3"]))],
    "summary": [CLOSING],
    "edit": [corrections()],
}
SUPPORTED = {RIGHT: BOARD, CHEAP: COST, MOVED: FERRY}

Compose = Callable[..., tuple[Brief, list[ReceivedRequest]]]


@pytest.fixture
def composed(connect: Callable[[FaultServer], ChatClient]) -> Compose:
    """Compose the brief with a scripted verifier and model; returns it with the requests."""

    def compose_with(
        verifier: ScriptedVerifier,
        steps: list[Step] | None = None,
        companions: Mapping[str, Sequence[Chunk]] | None = None,
        found: Sequence[Hit] = (),
        beside: Sequence[Hit] = (),
        beside_found: Mapping[str, Sequence[Chunk]] | None = None,
        **replies: Sequence[ScriptedReply],
    ) -> tuple[Brief, list[ReceivedRequest]]:
        named = {name.replace("_", " "): own for name, own in replies.items()}
        with ModelServer({**GOOD, **named}) as server:
            model = connect(server)
            writer = LargeWriter(
                model=model,
                question="What of the pier?",
                outline_prompt=prompts.load_prompt("outline"),
                section_prompt=prompts.load_prompt("section"),
                summary_prompt=prompts.load_prompt("summary"),
                edit_prompt=prompts.load_prompt("edit"),
                evidence=[hit.chunk for hit in HITS],
                companions=companions or {},
            )
            brief = compose_with_large_model(
                *("What of the pier?", HITS, QUOTED, writer, verifier),
                sections=6,
                trace=TRACE,
                search=ScriptedSearch(found=found, beside_found=beside_found or {}, beside_ferry=beside),
                gaps=["It is not known who paid."],
                on_progress=(steps if steps is not None else []).append,
            )
            assert not any(server.replies.get(name) for name in named), "a scripted reply was not asked for"
            return brief, server.requests

    return compose_with


def texts(brief: Brief) -> list[list[str]]:
    parts = [brief.summary, *(each.sentences for each in brief.sections), brief.conclusion]
    return [[sentence.text for sentence in part] for part in parts]


def actions(brief: Brief) -> list[tuple[str, str]]:
    return [(repair.where, repair.action) for repair in brief.trace.repairs]


def test_what_stands_behind_a_passage_of_a_section_is_evidence_of_the_brief_and_may_be_cited(composed: Compose) -> None:
    behind = chunk("ferry.md", "In 2017 the boats went back to the old quay.", start=200, heading_path=("Ferry",))
    back = "Since 2017 the boats use the old quay again."
    verifier = ScriptedVerifier(stated={**SUPPORTED, back: behind}, of_citations=ScriptedVerifier(stated=SUPPORTED))
    use = [section((MOVED, ["E3"]), (back, ["E4"]))]
    brief, _ = composed(verifier, companions={FERRY.id: [behind]}, **{"Use of the pier": use})
    assert texts(brief)[2] == [MOVED, back]
    assert brief.sections[1].sentences[1].citations == (behind.id,)
    assert [(hit.chunk, hit.rank, hit.found_by) for hit in brief.evidence[3:]] == [(behind, 4, ("neighbour",))]


def test_a_brief_takes_a_call_for_the_outline_one_a_section_one_for_its_closing_and_one_for_corrections(
    composed: Compose,
) -> None:
    verifier = ScriptedVerifier(stated=SUPPORTED, of_citations=ScriptedVerifier(stated=SUPPORTED))
    brief, requests = composed(verifier)
    assert [name_of(request) for request in requests] == ["outline", "section", "section", "summary", "edit"]
    assert [each.heading for each in brief.sections] == ["Approval and price", "Use of the pier"]
    assert texts(brief) == [[SUMMARY], [RIGHT, CHEAP], [MOVED], [CONCLUSION]]
    assert brief.summary[0].citations == (BOARD.id, FERRY.id)
    assert brief.trace.repairs == ()
    assert verifier.asked[0] == [RIGHT, CHEAP, MOVED]  # of all sections at once
    assert f"[from {FERRY.title}]\n{MOVED}" in verifier.premises  # a chat model is told the source of a sentence


def test_every_draft_that_is_shown_is_a_verified_brief_and_they_get_better(composed: Compose) -> None:
    steps: list[Step] = []
    composed(ScriptedVerifier(stated=SUPPORTED), steps)
    shown = [step.brief for step in steps if step.brief]
    headings = [[section.heading for section in brief.sections] for brief in shown]
    themes = ["Approval and price", "Use of the pier"]
    assert headings == [["Board"], themes, themes, themes]  # the quote on the ferry stands outside the sections
    quoted = [sentence for each in shown[1].sections for sentence in each.sentences]
    assert all(" ".join(sentence.quotes[0].text.split()) == sentence.text for sentence in quoted)
    assert texts(shown[2])[1:3] == [[RIGHT, CHEAP], [MOVED]]
    assert texts(shown[3])[0] == [SUMMARY]


@pytest.mark.parametrize("failed", ["outline", "Use_of_the_pier", "summary", "edit"])
def test_a_model_that_is_lost_leaves_the_brief_so_far(composed: Compose, failed: str) -> None:
    with pytest.raises(Interrupted) as caught:
        composed(ScriptedVerifier(stated=SUPPORTED), **{failed: [failing(401)]})
    draft = caught.value.draft
    assert draft.status == "answered"
    assert draft.summary
    assert draft.sections[0].heading == ("Board" if failed == "outline" else "Approval and price")
    assert (draft.sections[0].sentences[0].text == RIGHT) == (failed in ("summary", "edit"))
    assert (draft.summary[0].text == SUMMARY) == (failed == "edit")


def test_an_unusable_outline_leaves_that_of_the_evidence_sentences(composed: Compose) -> None:
    brief, _ = composed(
        ScriptedVerifier(stated=SUPPORTED),
        outline=[refused(), refused()],
        Board=[section((RIGHT, ["E1"]))],
        Ferry=[section((MOVED, ["E3"]))],
        summary=[closing([(SUMMARY, ["S1", "S2"])])],
    )
    assert [each.heading for each in brief.sections] == ["Board", "Ferry"]
    assert texts(brief)[1:3] == [[RIGHT], [MOVED]]
    assert actions(brief)[0] == ("outline", "quote")


def test_a_section_without_a_usable_reply_keeps_its_quotes(composed: Compose) -> None:
    brief, _ = composed(ScriptedVerifier(stated=SUPPORTED), Use_of_the_pier=[refused(), refused()])
    assert texts(brief)[2] == [FERRY.text]
    assert ("Use of the pier", "quote") in actions(brief)


def test_evidence_without_an_answer_is_told_after_the_first_call(composed: Compose) -> None:
    nothing = outline(answered="no", not_answered=[not_answered("No passage says who built the pier.")])
    brief, requests = composed(ScriptedVerifier(), outline=[nothing])
    assert (brief.status, brief.sections, brief.summary) == ("insufficient_evidence", (), ())
    assert brief.gaps == ("It is not known who paid.", "No passage says who built the pier.")
    assert len(requests) == 1


@pytest.mark.parametrize(("answered", "known"), [("partly", ("It is not known who paid.",)), ("fully", ())])
def test_what_is_not_answered_becomes_a_gap_that_the_last_call_knows(
    composed: Compose, answered: str, known: tuple[str, ...]
) -> None:
    gap = "No passage says who built the pier."
    reply = json.loads(THEMES.content or "") | {"answered": answered, "not_answered": [not_answered(gap)]}
    brief, requests = composed(ScriptedVerifier(stated=SUPPORTED), outline=[good(reply)])
    assert brief.gaps == (*known, gap)  # to the model that read all passages the question is answered or not
    assert gap in requests[-1].body["messages"][1]["content"]


@pytest.mark.parametrize("other_supported", [True, False])
def test_a_disagreement_is_printed_if_both_sides_are_supported(composed: Compose, other_supported: bool) -> None:
    one, other = "The board stood by its approval of May.", "The auditor disputed that 41 million kroner were right."
    sides = [{"text": one, "evidence": ["E1"]}, {"text": other, "evidence": ["E2"]}]
    reply = json.loads(THEMES.content or "") | {"disagreements": [{"about": "the price", "sides": sides}]}
    stated = SUPPORTED | {one: BOARD} | ({other: COST} if other_supported else {})
    verifier = ScriptedVerifier(stated=stated, of_citations=ScriptedVerifier(stated=stated))
    brief, requests = composed(verifier, outline=[good(reply)])  # no quotation replaces a side that fails
    [asked] = [each.body["messages"][1]["content"] for each in requests if name_of(each) == "summary"]
    assert (f"# Where the sources disagree: The price\nS4: {one}\nS5: {other}" in asked) == other_supported
    assert [each.about for each in brief.disagreements] == (["The price"] if other_supported else [])
    for each in brief.disagreements:
        assert [side.citations for side in each.sides] == [(BOARD.id,), (COST.id,)]


def test_refused_sentences_are_corrected_by_the_last_call_which_reads_the_whole_brief(composed: Compose) -> None:
    wrong, dear = "The boats came in 2012.", "The pier cost the state 90 million kroner."
    verifier = ScriptedVerifier(
        stated=SUPPORTED, unsupported={wrong: "in 2012"}, of_citations=ScriptedVerifier(stated=SUPPORTED)
    )
    brief, requests = composed(
        verifier,
        Approval_and_price=[section((RIGHT, ["E1"]), (dear, ["E2"]))],
        Use_of_the_pier=[section((wrong, ["E3"]))],
        summary=[closing([(SUMMARY, ["S1"])])],
        edit=[corrections(("S3", "replace", CHEAP, ["E2"]), ("S4", "replace", MOVED, ["E3"]))],
    )
    assert texts(brief)[:3] == [[SUMMARY], [RIGHT, CHEAP], [MOVED]]
    assert [name_of(each) for each in requests] == ["outline", "section", "section", "summary", "edit"]
    request = requests[-1].body["messages"][1]["content"]
    assert f"# Summary\nS1 (E1): {SUMMARY}\n# H1: Approval and price\nS2 (E1): {RIGHT}\nS3 (E2; refused: " in request
    assert f"# H2: Use of the pier\nS4 (E3; refused: the evidence does not say “in 2012”): {wrong}" in request
    assert verifier.asked[-1] == [CHEAP, MOVED]
    assert actions(brief) == [("Approval and price", "rewrite"), ("Use of the pier", "rewrite")]


def test_a_refused_sentence_may_become_two_with_citations_of_their_own(composed: Compose) -> None:
    wrong, half = "The board approved the pier, which cost 90 million kroner.", "The pier cost 90 million kroner."
    halves = [("S2", "replace", text, ids) for text, ids in ((RIGHT, ["E1"]), (half, ["E2"]), (CHEAP, ["E2"]))]
    brief, _ = composed(
        ScriptedVerifier(stated=SUPPORTED, of_citations=ScriptedVerifier()),
        Approval_and_price=[section((wrong, ["E1", "E2"]))],
        summary=[closing([(SUMMARY, ["S1"])])],
        edit=[corrections(*halves)],
    )
    assert texts(brief)[1] == [RIGHT, CHEAP]  # what is supported of the correction
    assert actions(brief) == [("Approval and price", "rewrite")] * 2
    assert [sentence.citations for sentence in brief.sections[0].sentences] == [(BOARD.id,), (COST.id,)]


def test_a_verified_sentence_stays_unless_all_of_its_correction_is_supported(composed: Compose) -> None:
    told = "The city's auditor found in 2014 that the pier cost 41 million kroner."
    dear = "The pier cost 90 million kroner."
    edits = [
        ("S2", "replace", told, ["E2"]),
        ("S2", "replace", dear, ["E2"]),
        ("S3", "replace", told, ["E2"]),
        ("S4", "replace", "", []),
    ]
    stated = SUPPORTED | {told: COST}
    brief, _ = composed(ScriptedVerifier(stated=stated, of_citations=ScriptedVerifier()), edit=[corrections(*edits)])
    assert texts(brief)[1:3] == [[RIGHT, told], [MOVED]]  # the second correction may have words that were not printed
    brief, _ = composed(
        ScriptedVerifier(stated=stated, of_citations=ScriptedVerifier()), edit=[corrections(edits[2], edits[3])]
    )
    assert texts(brief)[1:3] == [[RIGHT, told], [MOVED]]
    assert [(each.action, each.before, each.after, each.why) for each in brief.trace.repairs] == [
        ("rewrite", CHEAP, told, "replace it")
    ]


def test_what_is_added_stands_behind_its_sentence_if_it_is_supported_and_new(composed: Compose) -> None:
    praised = "The auditor later praised the stone work."
    edits = [
        ("S2", "add", praised, ["E2"]),
        ("S2", "add", f"It is said that {CHEAP}", ["E2"]),
        ("S4", "add", "Boats sank.", ["E3"]),
    ]
    stated = SUPPORTED | {praised: COST, f"It is said that {CHEAP}": COST}
    verifier = ScriptedVerifier(stated=stated, of_citations=ScriptedVerifier())
    brief, _ = composed(verifier, edit=[corrections(*edits)])
    assert texts(brief)[1:3] == [[RIGHT, praised, CHEAP], [MOVED]]
    assert brief.sections[0].sentences[1].citations == (COST.id,)
    assert actions(brief) == [("Approval and price", "add"), ("Approval and price", "drop")]


def test_what_the_last_call_drops_goes_but_not_all_of_a_summary_or_of_the_only_section(composed: Compose) -> None:
    drops = [(sentence, "drop", "", []) for sentence in ("S1", "S3", "S4")]
    verifier = ScriptedVerifier(stated=SUPPORTED, of_citations=ScriptedVerifier())
    brief, _ = composed(verifier, edit=[corrections(*drops)])
    assert texts(brief) == [[SUMMARY], [RIGHT], [CONCLUSION]]
    assert [each.heading for each in brief.sections] == ["Approval and price"]
    assert [(each.action, each.before, each.why) for each in brief.trace.repairs] == [
        ("drop", CHEAP, "drop it"),
        ("drop", MOVED, "drop it"),
    ]
    brief, _ = composed(
        verifier,
        outline=[outline(("Approval and price", ["E1", "E2"]))],
        summary=[closing([(SUMMARY, ["S1"])])],
        edit=[corrections(*((sentence, "drop", "", []) for sentence in ("S2", "S3")))],
    )
    assert texts(brief)[1] == [RIGHT]
    brief, _ = composed(verifier, edit=[corrections(*((s, "drop", "", []) for s in ("S2", "S3", "S4")))])
    assert texts(brief)[1:] == [[RIGHT], [CONCLUSION]]
    assert [repair.before for repair in brief.trace.repairs] == [CHEAP, MOVED]


def test_a_heading_is_corrected_as_far_as_the_passages_bear_it_out(composed: Compose) -> None:
    new = {"H1": "Approval by the board", "H2": "Boats of the Fjordline company"}
    brief, _ = composed(
        ScriptedVerifier(stated=SUPPORTED, of_citations=ScriptedVerifier()), edit=[corrections(headings=new)]
    )
    assert [each.heading for each in brief.sections] == ["Approval by the board", "Use of the pier"]


def test_without_a_usable_last_reply_the_brief_stands_and_says_so(composed: Compose) -> None:
    wrong = "The ferry company Nesodden moved its boats in 2012."
    brief, _ = composed(
        ScriptedVerifier(stated=SUPPORTED, implied=[SUMMARY], of_citations=ScriptedVerifier()),
        Use_of_the_pier=[section((wrong, ["E3"]))],
        summary=[closing([(SUMMARY, ["S1"])], [(LATE, ["S1"])])],
        edit=[refused(), refused()],
    )
    assert texts(brief) == [[SUMMARY], [RIGHT, CHEAP], [FERRY.text], []]
    assert actions(brief) == [("Use of the pier", "quote"), ("conclusion", "drop")]
    assert brief.trace.notices[-1].startswith("The model did not read the finished brief once more: ")


def test_a_model_that_is_lost_before_the_last_call_leaves_quotes_in_place_of_what_was_refused(
    composed: Compose,
) -> None:
    with pytest.raises(Interrupted) as caught:
        composed(
            ScriptedVerifier(stated=SUPPORTED, implied=[], of_citations=ScriptedVerifier()),
            Use_of_the_pier=[section(("The ferry company Nesodden moved its boats in 2012.", ["E3"]))],
            summary=[closing([(SUMMARY, ["S1"])])],
            edit=[failing(401)],
        )
    assert texts(caught.value.draft)[2] == [FERRY.text]
    assert actions(caught.value.draft) == [("Use of the pier", "quote"), ("summary", "drop")]


def test_a_verifier_that_is_lost_at_the_corrections_leaves_the_brief_before_them(composed: Compose) -> None:
    class LostVerifier(ScriptedVerifier):
        def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
            if len(self.asked) == 2:
                raise ModelError("the server is gone")
            return super().verify(pairs)

    verifier = LostVerifier(stated=SUPPORTED, of_citations=ScriptedVerifier())
    with pytest.raises(Interrupted) as caught:
        composed(
            verifier,
            Use_of_the_pier=[section(("The ferry company Nesodden moved its boats in 2012.", ["E3"]))],
            summary=[closing([(SUMMARY, ["S1"])])],
            edit=[corrections(("S4", "replace", MOVED, ["E3"]))],
        )
    assert texts(caught.value.draft) == [[SUMMARY], [RIGHT, CHEAP], [FERRY.text], []]
    assert actions(caught.value.draft) == [("Use of the pier", "quote")]


def test_the_editor_may_cite_the_opening_of_a_document_that_was_searched_for_last(composed: Compose) -> None:
    opening = chunk("quay.md", "Status: the quay is open.")
    quay = chunk("quay.md", "Since 2017 the old quay serves the boats again.", start=90)
    is_open = "The old quay is open."
    verifier = ScriptedVerifier(stated=SUPPORTED | {is_open: opening}, of_citations=ScriptedVerifier())
    brief, _ = composed(
        verifier,
        found=[Hit(chunk=quay, rank=1, score=0.5)],
        beside_found={quay.id: [opening]},
        summary=[closing([(SUMMARY, ["S1", "S3"])], searches=["boats of Oslo today"])],
        edit=[corrections(("S4", "add", is_open, ["E4"]))],
    )
    assert texts(brief)[2] == [MOVED, is_open]
    assert {opening.id, quay.id} <= {hit.chunk.id for hit in brief.evidence}


def test_no_disagreement_is_printed_of_one_side_and_what_was_added_to_it(composed: Compose) -> None:
    one, other = "The board stood by its approval of May.", "The auditor disputed that 41 million kroner were right."
    sides = [{"text": one, "evidence": ["E1"]}, {"text": other, "evidence": ["E2"]}]
    reply = json.loads(THEMES.content or "") | {"disagreements": [{"about": "the price", "sides": sides}]}
    more = "The auditor praised the stone work."
    verifier = ScriptedVerifier(stated=SUPPORTED | {other: COST, more: COST}, of_citations=ScriptedVerifier())
    brief, _ = composed(verifier, outline=[good(reply)], edit=[corrections(("S6", "add", more, ["E2"]))])
    assert brief.disagreements == ()


def test_what_was_to_close_a_gap_and_is_not_printed_leaves_it(composed: Compose) -> None:
    gap = "The passages do not say who paid."
    said = good(json.loads(THEMES.content or "") | {"answered": "partly", "not_answered": [not_answered(gap)]})
    verifier = ScriptedVerifier(stated=SUPPORTED, of_citations=ScriptedVerifier())
    paid = corrections(("S1", "add", "The state paid.", ["E1"]), closed={"G2": ""})
    brief, _ = composed(verifier, outline=[said], edit=[paid])
    assert gap in brief.gaps


def test_a_section_without_a_complete_sentence_keeps_its_quotes(composed: Compose) -> None:
    brief, _ = composed(ScriptedVerifier(stated=SUPPORTED), Use_of_the_pier=[section(("boats and more boats", ["E3"]))])
    assert texts(brief)[2] == [FERRY.text]
    assert ("Use of the pier", "quote") in actions(brief)


def test_what_stands_beside_the_passages_of_a_theme_and_may_answer_is_read_with_them(composed: Compose) -> None:
    quay = chunk("ferry.md", "Since 2017 the old quay serves the boats again.", start=300)
    back = "The boats went back to the old quay in 2017."
    verifier = ScriptedVerifier(stated=SUPPORTED | {back: quay}, of_citations=ScriptedVerifier())
    brief, requests = composed(
        verifier,
        beside=[Hit(chunk=quay, rank=1, score=0.0), HITS[0]],
        Use_of_the_pier=[section((MOVED, ["E3"]), (back, ["E4"]))],
    )
    assert texts(brief)[2] == [MOVED, back]
    assert [(hit.chunk, hit.rank) for hit in brief.evidence[3:]] == [(quay, 4)]
    asked = [each.body["messages"][1]["content"] for each in requests if name_of(each) == "section"]
    assert ["- what stands beside these, where it helps (E4)" in each for each in sorted(asked)].count(True) == 1


def test_what_a_reader_would_ask_next_is_searched_for_and_may_be_added(composed: Compose) -> None:
    quay = chunk("quay.md", "Since 2017 the old quay serves the boats again.")
    back = "The boats went back to the old quay in 2017."
    found = [HITS[2], Hit(chunk=quay, rank=2, score=0.5)]
    verifier = ScriptedVerifier(stated=SUPPORTED | {back: quay}, of_citations=ScriptedVerifier())
    brief, requests = composed(
        verifier,
        found=found,
        summary=[closing([(SUMMARY, ["S1", "S3"])], searches=["boats of Oslo today"])],
        edit=[corrections(("S4", "add", back, ["E4"]))],
    )
    assert texts(brief)[2] == [MOVED, back]
    assert [(hit.chunk, hit.rank) for hit in brief.evidence[3:]] == [(quay, 4)]
    asked = requests[-1].body["messages"][1]["content"]
    assert asked.count(FERRY.text) == 1
    assert f"E4: {quay.text}" in asked


def test_a_side_of_a_disagreement_that_becomes_two_sentences_is_given_up(composed: Compose) -> None:
    one, other = "The board stood by its approval of May.", "The auditor disputed that 41 million kroner were right."
    sides = [{"text": one, "evidence": ["E1"]}, {"text": other, "evidence": ["E2"]}]
    reply = json.loads(THEMES.content or "") | {"disagreements": [{"about": "the price", "sides": sides}]}
    halves = ["The auditor wrote a report.", "The auditor disputed the price."]
    stated = SUPPORTED | {one: BOARD} | dict.fromkeys(halves, COST)
    verifier = ScriptedVerifier(stated=stated, of_citations=ScriptedVerifier())
    brief, requests = composed(
        verifier,
        outline=[good(reply)],
        edit=[corrections(*(("S6", "replace", half, ["E2"]) for half in halves))],
    )
    assert f"# Disagreement: the price\nS5 (E1): {one}" in requests[-1].body["messages"][1]["content"]
    assert brief.disagreements == ()
    brief, _ = composed(verifier, outline=[good(reply)], edit=[corrections(("S6", "replace", halves[1], ["E2"]))])
    assert [side.text for side in brief.disagreements[0].sides] == [one, halves[1]]


def test_a_search_of_the_outline_adds_what_it_did_not_see_to_its_section(composed: Compose) -> None:
    quay = chunk("quay.md", "Since 2017 the old quay serves the boats again.")
    back = "The boats went back to the old quay in 2017."
    reply = json.loads(THEMES.content or "")
    reply["sections"][1]["searches"] = ["boats at the pier today"]
    found = [HITS[2], Hit(chunk=quay, rank=2, score=0.5)]
    verifier = ScriptedVerifier(stated=SUPPORTED | {back: quay}, of_citations=ScriptedVerifier())
    brief, requests = composed(
        verifier,
        found=found,
        outline=[good(reply)],
        Use_of_the_pier=[section((MOVED, ["E3"]), (back, ["E4"]))],
    )
    assert texts(brief)[2] == [MOVED, back]
    assert [(hit.chunk, hit.rank) for hit in brief.evidence[3:]] == [(quay, 4)]
    asked = next(
        each.body["messages"][1]["content"]
        for each in requests
        if "Use of the pier\n-" in str(each.body["messages"][1]["content"])
    )
    assert (
        "- what a search for “boats at the pier today” found, and what stands beside these, where it helps (E4)"
        in asked
    )


def test_a_lost_model_leaves_evidence_in_place_of_what_was_not_revised(composed: Compose) -> None:
    wrong = "The ferry company Nesodden moved its boats in 2012."
    verifier = ScriptedVerifier(stated=SUPPORTED, of_citations=ScriptedVerifier())
    with pytest.raises(Interrupted) as caught:
        composed(verifier, Use_of_the_pier=[section((wrong, ["E3"]))], summary=[failing(401)])
    assert texts(caught.value.draft)[2] == [FERRY.text]
    assert actions(caught.value.draft) == [("Use of the pier", "quote")]


def test_a_refused_sentence_is_dropped_where_its_section_has_others_and_quoted_where_not(composed: Compose) -> None:
    told = "According to the auditor's finding of 2014, the pier cost Oslo 41 million kroner."
    wrong, also_wrong = "The auditor found a cost of 14 million kroner for the pier.", "The auditor liked the pier."
    verifier = ScriptedVerifier(stated={told: COST, RIGHT: BOARD, MOVED: FERRY})
    summary = [closing([(SUMMARY, ["S1"])])]
    brief, _ = composed(
        verifier,
        Approval_and_price=[section((wrong, ["E2"]), (told, ["E2"]), (also_wrong, ["E2"]))],
        summary=summary,
    )
    # The evidence of ``told`` stands already, so the first refused sentence gets the other one, and the second nothing.
    assert texts(brief)[1] == [PRAISED, told]
    assert actions(brief) == [("Approval and price", "quote"), ("Approval and price", "drop")]
    brief, _ = composed(
        verifier,
        Approval_and_price=[section((RIGHT, ["E1"]), (wrong, ["E2"]), (told, ["E2"]))],
        summary=summary,
    )
    assert texts(brief)[1] == [RIGHT, told]


def test_a_replacement_keeps_the_qualification_that_follows_it(composed: Compose) -> None:
    wrong = "The harbour board of Bergen approved the new pier."
    brief, _ = composed(
        ScriptedVerifier(stated={MOVED: FERRY}),
        Approval_and_price=[section((wrong, ["E1"]))],
        summary=[closing([(SUMMARY, ["S1"])])],
    )
    assert texts(brief)[1] == [APPROVED, REVOKED]


def test_a_citation_moves_to_a_single_passage_above_its_threshold(composed: Compose) -> None:
    reply = [section((CHEAP, ["E1"]), (RIGHT, ["E1"]))]
    brief, _ = composed(ScriptedVerifier(stated=SUPPORTED), Approval_and_price=reply)
    assert brief.sections[0].sentences[0].citations == (COST.id,)
    assert actions(brief) == [("Approval and price", "reattribute")]


@pytest.mark.parametrize("judged_apart", [True, False])
def test_below_the_threshold_or_with_another_judge_of_citations_only_the_writer_moves_one(
    composed: Compose, judged_apart: bool
) -> None:
    verifier = ScriptedVerifier(stated=SUPPORTED, score=0.95 if judged_apart else 0.6)
    if judged_apart:
        verifier.of_citations = ScriptedVerifier(stated=SUPPORTED)
    brief, _ = composed(
        verifier,
        Approval_and_price=[section((CHEAP, ["E1"]), (RIGHT, ["E1"]))],
        summary=[closing([(SUMMARY, ["S1"])])],
        edit=[corrections(("S2", "replace", CHEAP, ["E2"]))],
    )
    assert brief.sections[0].sentences[0].citations == (COST.id,)
    assert actions(brief) == [("Approval and price", "rewrite")]


def test_a_summary_sentence_keeps_the_citations_of_all_sentences_that_it_was_written_from(composed: Compose) -> None:
    # The verifier accepts the summary on one of its two passages: no reason to drop the other.
    brief, _ = composed(ScriptedVerifier(stated=SUPPORTED | {SUMMARY: BOARD}))
    assert brief.summary[0].citations == (BOARD.id, FERRY.id)


def test_what_the_verifier_does_not_need_is_not_cited(composed: Compose) -> None:
    verifier = ScriptedVerifier(
        stated=SUPPORTED, needed={RIGHT: (0,), SUMMARY: (1,)}, of_citations=ScriptedVerifier(stated=SUPPORTED)
    )
    brief, _ = composed(verifier, Approval_and_price=[section((RIGHT, ["E1", "E2"]), (CHEAP, ["E2"]))])
    assert brief.sections[0].sentences[0].citations == (BOARD.id,)
    assert brief.summary[0].citations == (FERRY.id,)  # it was written from S1 and S3
    assert {(each.where, each.action, each.why) for each in brief.trace.repairs} == {
        ("Approval and price", "reattribute", f"{COST.id}: not needed"),
        ("summary", "reattribute", f"{BOARD.id}: not needed"),
    }


def test_a_closing_sentence_that_fails_or_repeats_another_is_corrected_or_dropped(composed: Compose) -> None:
    better = "Approval came first and boats came last."
    verifier = ScriptedVerifier(
        stated=SUPPORTED | {better: BOARD},
        implied=[SUMMARY],
        unsupported={CONCLUSION: "settled"},
        of_citations=ScriptedVerifier(),
    )
    brief, requests = composed(
        verifier,
        summary=[
            closing([(SUMMARY, ["S1"]), (RIGHT, ["S1"])], [(CONCLUSION, ["S3"]), (f"In all, {MOVED}", ["S3"])]),
        ],
        edit=[corrections(("S2", "replace", better, ["E1"]), ("S7", "replace", MOVED, ["E3"]))],
    )
    assert texts(brief)[0] == [SUMMARY, better]
    assert brief.conclusion == ()
    request = requests[-1].body["messages"][1]["content"]
    assert f"S2 (E1; refused: it repeats another sentence: {RIGHT}): {RIGHT}" in request
    assert f"# Conclusion\nS6 (E3; refused: the evidence does not say “settled”): {CONCLUSION}" in request
    assert actions(brief) == [("summary", "rewrite"), *[("conclusion", "drop")] * 3]  # the correction repeats too


def test_a_gap_that_the_brief_closes_is_not_printed(composed: Compose) -> None:
    gaps = ["The passages do not say what it cost.", "The passages do not say who paid."]
    brief, requests = composed(
        ScriptedVerifier(stated=SUPPORTED),
        outline=[
            good(json.loads(THEMES.content or "") | {"answered": "partly", "not_answered": [*map(not_answered, gaps)]})
        ],
        edit=[
            corrections(
                closed={"G1": "", "G2": "The passages do not say what was paid later [E2]."},
                opened=["Nobody says why it was built.", "why"],
            )
        ],
    )
    assert brief.gaps == ("The passages do not say what was paid later.", gaps[1], "Nobody says why it was built.")
    [request] = [each.body["messages"][1]["content"] for each in requests if name_of(each) == "edit"]
    assert f"G1: It is not known who paid.\nG2: {gaps[0]}\nG3: {gaps[1]}" in request


def test_no_sentence_stands_twice_in_summary_and_conclusion(composed: Compose) -> None:
    brief, _ = composed(ScriptedVerifier(stated=SUPPORTED), summary=[closing([(SUMMARY, ["S1"])], [(SUMMARY, ["S1"])])])
    assert (texts(brief)[0], texts(brief)[3]) == ([SUMMARY], [])


def test_a_summary_is_never_empty_and_repeats_the_body_only_if_nothing_else_is_there(composed: Compose) -> None:
    nothing: dict[str, Sequence[ScriptedReply]] = {"summary": [refused(), refused()]}
    brief, _ = composed(ScriptedVerifier(stated=SUPPORTED), **nothing)
    assert texts(brief)[0] == [APPROVED]  # the quote of the first draft
    quoting = ScriptedVerifier(stated={APPROVED: BOARD, COST_FOUND: COST, FERRY.text: FERRY})
    brief, _ = composed(
        quoting,
        Approval_and_price=[section((APPROVED, ["E1"]), (COST_FOUND, ["E2"]))],
        Use_of_the_pier=[section((FERRY.text, ["E3"]))],
        **nothing,
    )
    assert texts(brief)[0] == [APPROVED]


def test_more_sentences_than_a_section_has_may_be_corrected(composed: Compose) -> None:
    refused_texts = [f"The pier has {n} lamps." for n in range(61, 67)]
    right = [
        "An audit was made in 2014.",
        "It was the city that audited.",
        CHEAP,
        "Stone work pleased the auditor.",
        "A second report followed the first.",
        "Oslo has this pier.",
    ]
    verifier = ScriptedVerifier(stated={MOVED: FERRY} | dict.fromkeys(right, COST), implied=[SUMMARY])
    brief, _ = composed(
        verifier,
        Approval_and_price=[section(*((text, ["E2"]) for text in refused_texts))],
        summary=[closing([(SUMMARY, ["S1"])])],
        edit=[corrections(*((f"S{n}", "replace", text, ["E2"]) for n, text in enumerate(right, 2)))],
    )
    assert texts(brief)[1] == right
