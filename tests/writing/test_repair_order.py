"""The order of repairs of a brief that a large model writes: one call a part, then quotations, nothing said twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import pytest
from briefs import chunk
from fault_server import FaultServer, ScriptedReply, good, refused

from rag.llm import ChatClient, prompts
from rag.text import words_of
from rag.types import Brief, Chunk, Hit, Quote, Trace, Verdict
from rag.writing.compose import compose
from rag.writing.evidence import EvidenceSentence
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
)
COST = chunk(
    "cost.md",
    "The pier in Oslo cost 41 million kroner, the city's auditor found in 2014. "
    "The auditor praised the stone work of the pier in a second report.",
)
FERRY = chunk("ferry.md", "The ferry company Nesodden moved its boats to the pier in 2015, to save fuel.")

APPROVED, REVOKED = "The harbour board of Oslo approved the new pier in May 2011.", BOARD.text[61:]
COST_FOUND, PRAISED = clean_sentences(COST.text)

MOVED = "Nesodden's boats have used the pier since 2015."
SUMMARY, CONCLUSION = "The pier was approved and the boats came.", "The boats use the pier."

Compose = Callable[["ScriptedVerifier", Sequence[ScriptedReply]], tuple[Brief, list[str]]]


@dataclass
class ScriptedVerifier:
    """Supports a text by the chunk that ``stated`` names, or where it is in ``implied``; all else has no support."""

    stated: dict[str, Chunk] = field(default_factory=dict)
    implied: Collection[str] = (SUMMARY, CONCLUSION)
    unsupported: dict[str, str] = field(default_factory=dict)
    score: float = 0.95
    name: str = "scripted"
    min_reattribution_score: float = 0.7
    of_citations: ScriptedVerifier | None = None
    asked: list[str] = field(default_factory=list)

    @property
    def citation_judge(self) -> ScriptedVerifier:
        return self.of_citations or self

    def verify(self, pairs: Sequence[tuple[str, Sequence[Chunk]]]) -> list[Verdict]:
        self.asked += [text for text, _ in pairs]
        return [self._verdict(text, self.stated.get(text) in chunks) for text, chunks in pairs]

    def follows(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Verdict]:
        return [self._verdict(text, text in self.implied) for text, _ in pairs]

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
        reason = "refuted, P(full) 0.10"
        return Verdict(
            support="none", score=0.1, judge=self.name, reason=reason, unsupported=self.unsupported.get(text, "")
        )


def _words(text: str) -> set[str]:
    return set(words_of(text.lower()))


def evidence(source: Chunk, text: str) -> EvidenceSentence:
    start = source.text.index(text)
    return EvidenceSentence(text=text, chunk=source, start=start, end=start + len(text))


PIER = OutlineSection(
    heading="The pier", evidence=(evidence(BOARD, APPROVED), evidence(COST, COST_FOUND), evidence(COST, PRAISED))
)
BOATS = OutlineSection(heading="The boats", evidence=(evidence(FERRY, FERRY.text),))
OUTLINE = Outline(sections=(PIER, BOATS), key_points=(PIER.evidence[0], BOATS.evidence[0]))
HITS = [Hit(chunk=each, rank=rank, score=1.0) for rank, each in enumerate((BOARD, COST, FERRY), 1)]


@pytest.fixture
def composed(connect: Callable[[FaultServer], ChatClient]) -> Compose:
    """Compose the brief with a scripted verifier and model; returns it with the names of the requests' schemas."""

    def compose_with(verifier: ScriptedVerifier, script: Sequence[ScriptedReply]) -> tuple[Brief, list[str]]:
        with FaultServer(script) as server:
            writer = LargeWriter(
                model=connect(server),
                question="What of the pier?",
                section_prompt=prompts.load_prompt("section"),
                summary_prompt=prompts.load_prompt("summary"),
                revise_prompt=prompts.load_prompt("revise"),
                evidence={hit.chunk.id: hit.chunk for hit in HITS},
            )
            brief = compose("What of the pier?", HITS, OUTLINE, writer, verifier, trace=TRACE)
            assert len(server.requests) == len(script)
            return brief, [request.body["messages"][1]["content"] for request in server.requests]

    return compose_with


def section(*sentences: tuple[str, list[str]], heading: str) -> ScriptedReply:
    return good({"heading": heading, "sentences": [{"text": text, "citations": ids} for text, ids in sentences]})


def closing(text: str, *sources: str) -> ScriptedReply:
    return good({"sentences": [{"text": text, "from": list(sources)}]})


def revision(*items: tuple[int, str, list[str]]) -> ScriptedReply:
    return good({"sentences": [{"number": n, "text": text, "citations": ids} for n, text, ids in items]})


BOATS_REPLY = section((MOVED, ["E1"]), heading="New home for the boats")
CLOSING = (closing(SUMMARY, "S1"), closing(CONCLUSION, "S2"))


def actions(brief: Brief) -> list[tuple[str, str]]:
    return [(repair.where, repair.action) for repair in brief.trace.repairs]


def test_all_refused_sentences_of_a_section_go_back_in_one_call_with_their_faults(composed: Compose) -> None:
    wrong, dear = "The board approved the pier in 2012.", "The pier cost the state 90 million kroner."
    right, cheap = "The board approved the pier in May 2011.", "The auditor put the cost at 41 million kroner."
    verifier = ScriptedVerifier(stated={MOVED: FERRY, right: BOARD, cheap: COST}, unsupported={wrong: "in 2012"})
    script = [
        section((wrong, ["E1"]), (dear, ["E2"]), heading="Approval and price"),
        revision((1, right, ["E1"]), (2, cheap, ["E2"])),
        BOATS_REPLY,
        *CLOSING,
    ]
    brief, requests = composed(verifier, script)
    assert [sentence.text for sentence in brief.sections[0].sentences] == [right, cheap]
    assert f"1. {wrong}\nCites: E1\nFault: the evidence does not say “in 2012”" in requests[1]
    assert f"2. {dear}\nCites: E2\nFault: no cited passage has 90 million" in requests[1]
    assert not any("P(full)" in request for request in requests)
    assert actions(brief) == [("Approval and price", "rewrite"), ("Approval and price", "rewrite")]


def test_more_than_four_sentences_of_a_brief_may_be_revised(composed: Compose) -> None:
    refused_texts = [f"The pier has {n} lamps." for n in range(61, 67)]
    right = [f"Claim {n} on the pier." for n in range(6)]
    verifier = ScriptedVerifier(stated={MOVED: FERRY} | dict.fromkeys(right, COST))
    script = [
        section(*((text, ["E2"]) for text in refused_texts), heading="Lamps"),
        revision(*((n, text, ["E2"]) for n, text in enumerate(right, 1))),
        BOATS_REPLY,
        *CLOSING,
    ]
    brief, _ = composed(verifier, script)
    assert [sentence.text for sentence in brief.sections[0].sentences] == right


def test_a_replacement_never_repeats_a_sentence_or_its_evidence(composed: Compose) -> None:
    told = "According to the auditor's finding of 2014, the pier cost Oslo 41 million kroner."
    wrong, also_wrong = "The auditor found a cost of 14 million kroner for the pier.", "The auditor liked the pier."
    verifier = ScriptedVerifier(stated={MOVED: FERRY, told: COST})
    script = [
        section((wrong, ["E2"]), (told, ["E2"]), (also_wrong, ["E2"]), heading="Price"),
        revision((1, "", []), (2, "", [])),
        BOATS_REPLY,
        *CLOSING,
    ]
    brief, _ = composed(verifier, script)
    # The evidence of ``told`` stands already, so the first refused sentence gets the other one, and the second nothing.
    assert [sentence.text for sentence in brief.sections[0].sentences] == [PRAISED, told]
    assert actions(brief) == [("Price", "quote"), ("Price", "drop")]


def test_a_replacement_keeps_the_qualification_that_follows_it(composed: Compose) -> None:
    wrong = "The harbour board of Bergen approved the new pier."
    verifier = ScriptedVerifier(stated={MOVED: FERRY})
    script = [section((wrong, ["E1"]), heading="Approval"), refused(), refused(), BOATS_REPLY, *CLOSING]
    brief, _ = composed(verifier, script)
    assert [sentence.text for sentence in brief.sections[0].sentences] == [APPROVED, REVOKED]
    assert REVOKED.startswith("However")


def test_a_citation_moves_to_a_single_passage_above_its_threshold_and_before_a_revision(composed: Compose) -> None:
    text = "The pier cost 41 million kroner."
    verifier = ScriptedVerifier(stated={MOVED: FERRY, text: COST})
    brief, _ = composed(verifier, [section((text, ["E1"]), heading="Price"), BOATS_REPLY, *CLOSING])
    [sentence] = brief.sections[0].sentences
    assert (sentence.text, sentence.citations) == (text, (COST.id,))
    assert actions(brief) == [("Price", "reattribute")]


def test_below_the_threshold_only_the_writer_moves_a_citation(composed: Compose) -> None:
    text = "The pier cost 41 million kroner."
    verifier = ScriptedVerifier(stated={MOVED: FERRY, text: COST}, score=0.6)
    script = [section((text, ["E1"]), heading="Price"), revision((1, text, ["E2"])), BOATS_REPLY, *CLOSING]
    brief, _ = composed(verifier, script)
    [sentence] = brief.sections[0].sentences
    assert (sentence.text, sentence.citations) == (text, (COST.id,))
    assert brief.trace.repairs[0].why == "no cited passage has 41 million kroner"


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_passage_that_the_judge_of_citations_finds_is_cited_if_the_verifier_confirms_it(
    confirmed: bool, composed: Compose
) -> None:
    text = "The pier cost 41 million kroner."
    stated = {MOVED: FERRY} | ({text: COST} if confirmed else {})
    verifier = ScriptedVerifier(stated=stated, of_citations=ScriptedVerifier(stated={text: COST}))
    revised = [] if confirmed else [revision((1, text, ["E1"]))]
    script = [section((text, ["E1"]), heading="Price"), *revised, BOATS_REPLY, *CLOSING]
    brief, _ = composed(verifier, script)
    assert verifier.asked.count(text) == 2  # as cited, and on the one passage that was found
    assert ("reattribute" in [repair.action for repair in brief.trace.repairs]) == confirmed


def test_a_refused_summary_sentence_is_revised_before_it_is_replaced(composed: Compose) -> None:
    right, revised = "The board approved the pier in May 2011.", "The pier was approved."
    verifier = ScriptedVerifier(stated={MOVED: FERRY, right: BOARD, revised: BOARD}, implied=[CONCLUSION])
    script = [
        section((right, ["E1"]), heading="Approval"),
        BOATS_REPLY,
        closing(SUMMARY, "S1", "S2"),
        revision((1, revised, ["S1"])),
        CLOSING[1],
    ]
    brief, requests = composed(verifier, script)
    assert [sentence.text for sentence in brief.summary] == [revised]
    assert f"1. {SUMMARY}\nCites: S1, S2" in requests[3]
    assert f"S1: {right}" in requests[3]
    assert actions(brief) == [("summary", "rewrite")]


def test_a_summary_sentence_that_fails_again_is_replaced_by_what_the_body_says(composed: Compose) -> None:
    right, failing = "The board approved the pier in May 2011.", "The pier was approved by all."
    verifier = ScriptedVerifier(stated={MOVED: FERRY, right: BOARD}, implied=[CONCLUSION])
    script = [
        section((right, ["E1"]), heading="Approval"),
        BOATS_REPLY,
        closing(SUMMARY, "S1"),
        revision((1, failing, ["S1"])),
        CLOSING[1],
    ]
    brief, _ = composed(verifier, script)
    assert [sentence.text for sentence in brief.summary] == [right]
    assert actions(brief) == [("summary", "quote")]


def test_the_conclusion_never_repeats_the_summary_and_neither_is_empty(composed: Compose) -> None:
    right = "The board approved the pier in May 2011."
    verifier = ScriptedVerifier(stated={MOVED: FERRY, right: BOARD}, implied=[])
    script = [
        section((right, ["E1"]), heading="Approval"),
        BOATS_REPLY,
        closing(SUMMARY, "S1"),
        revision((1, "", [])),
        closing(CONCLUSION, "S1"),
        revision((1, "", [])),
    ]
    brief, _ = composed(verifier, script)
    assert [sentence.text for sentence in brief.summary] == [right]
    assert [sentence.text for sentence in brief.conclusion] == [MOVED]


def test_a_summary_sentence_that_the_sections_imply_passes(composed: Compose) -> None:
    right = "The board approved the pier in May 2011."
    verifier = ScriptedVerifier(stated={MOVED: FERRY, right: BOARD})
    script = [section((right, ["E1"]), heading="Approval"), BOATS_REPLY, closing(SUMMARY, "S1", "S2"), CLOSING[1]]
    brief, _ = composed(verifier, script)
    assert [sentence.text for sentence in brief.summary] == [SUMMARY]
    assert set(brief.summary[0].citations) == {BOARD.id, FERRY.id}
    assert brief.trace.repairs == ()


def test_a_summary_sentence_keeps_the_citations_of_all_sentences_that_it_was_written_from(composed: Compose) -> None:
    right = "The board approved the pier in May 2011."
    # The verifier accepts the summary on one of its two passages: no reason to drop the other.
    verifier = ScriptedVerifier(stated={MOVED: FERRY, right: BOARD, SUMMARY: BOARD})
    script = [
        section((right, ["E1"]), heading="Approval"),
        BOATS_REPLY,
        closing(SUMMARY, "S1", "S2"),
        closing(CONCLUSION, "S2"),
    ]
    brief, _ = composed(verifier, script)
    assert brief.summary[0].citations == (BOARD.id, FERRY.id)
    assert actions(brief) == []


def test_a_citation_is_dropped_only_if_the_others_are_certain_to_state_the_sentence(composed: Compose) -> None:
    right = "The board approved the pier in May 2011."
    script = [section((right, ["E1", "E2"]), heading="Approval"), BOATS_REPLY, *CLOSING]
    unsure, _ = composed(ScriptedVerifier(stated={MOVED: FERRY, right: BOARD}, score=0.53), script)
    assert unsure.sections[0].sentences[0].citations == (BOARD.id, COST.id)
    certain, _ = composed(ScriptedVerifier(stated={MOVED: FERRY, right: BOARD}, score=0.95), script)
    assert certain.sections[0].sentences[0].citations == (BOARD.id,)
