"""Planning, writing and repairing over the real corpus: a brief stands at every moment, and nothing false gets in."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import pytest

from rag import pipeline
from rag.config import Settings
from rag.embedding.encoder import encoder
from rag.errors import Interrupted, ModelError, ReplyError
from rag.retrieval.rerank import rerank
from rag.store.index import Index
from rag.types import Brief, Hit, Sentence, Trace
from rag.verify.verifier import default_verifier
from rag.writing.compose import compose, draft
from rag.writing.evidence import EvidenceSentence
from rag.writing.outline import Outline, OutlineSection, make_outline
from rag.writing.writers import Draft, DraftSection, verbatim

QUESTION = "What are the links between Trump and Putin?"
TRACE = Trace(
    version="0", model="m", parameters={}, prompts={}, embedder="minilm", fingerprint="", verifier="", seconds={},
    tokens={}, cost=None,
)  # fmt: skip


@pytest.fixture(scope="module")
def hits(corpus_index: Index) -> list[Hit]:
    return rerank(corpus_index, QUESTION, encoder().word_vectors, k=40)


@pytest.fixture(scope="module")
def planned(hits: list[Hit]) -> Outline:
    return make_outline(QUESTION, hits, encoder().vectors, encoder().word_vectors)


@dataclass
class Scripted:
    """A writer that returns what it is told to, and quotes where it is told nothing."""

    texts: dict[int, str | Exception] = field(default_factory=dict)
    asked: int = 0

    def section(self, planned: OutlineSection, others: Sequence[str]) -> DraftSection:
        told = self.texts.get(self.asked)
        self.asked += 1
        if isinstance(told, BaseException):
            raise told
        if told is None:
            return DraftSection(heading=None, drafts=tuple(verbatim(note) for note in planned.notes))
        made = Draft(text=told, chunks=tuple(note.chunk for note in planned.notes), notes=planned.notes)
        return DraftSection(heading=None, drafts=(made,))

    def closing(
        self, part: Literal["summary", "conclusion"], notes: Sequence[EvidenceSentence], body: Sequence[Sentence]
    ) -> list[Draft]:
        return [verbatim(note) for note in notes]

    def rewrite(self, draft: Draft, fault: str) -> Draft | None:
        return None


def written(hits: list[Hit], planned: Outline, writer: Scripted) -> Brief:
    return compose(QUESTION, hits, planned, writer, default_verifier(), trace=TRACE)


def test_the_draft_is_a_brief_of_exact_quotes(hits: list[Hit], planned: Outline) -> None:
    brief = draft(QUESTION, hits, planned, TRACE)
    assert 8 <= len(list(brief.sentences())) <= 30
    assert brief.summary
    assert brief.conclusion
    for sentence in brief.sentences():
        assert " ".join(sentence.quotes[0].text.split()) == sentence.text


@pytest.mark.parametrize(
    "text",
    [
        "Vladimir Putin gave Donald Trump 14 million dollars on March 3, 2011.",
        "The moon is made of a particularly ripe kind of cheese.",
        "Ivanka Zarubina arranged all of these contacts.",
    ],
)
def test_a_sentence_that_its_passages_do_not_support_is_replaced_by_quotes_and_that_is_told(
    hits: list[Hit], planned: Outline, text: str
) -> None:
    brief = written(hits, planned, Scripted({0: text}))
    assert text not in {sentence.text for sentence in brief.sentences()}
    assert {note.text for note in planned.sections[0].notes} <= {s.text for s in brief.sections[0].sentences}
    assert [repair.before for repair in brief.trace.repairs] == [text]
    assert brief.trace.repairs[0].why


def test_no_sentence_stands_twice_in_the_body(hits: list[Hit], planned: Outline) -> None:
    repeated = planned.sections[0].notes[0].text
    brief = written(hits, planned, Scripted({1: repeated}))
    body = [sentence.text for section in brief.sections for sentence in section.sentences]
    assert len(body) == len(set(body))


def test_an_unusable_reply_leaves_the_sections_quotes(hits: list[Hit], planned: Outline) -> None:
    brief = written(hits, planned, Scripted({0: ReplyError("the reply was cut off")}))
    assert len(brief.sections) == len(planned.sections)
    assert "cut off" in brief.trace.repairs[0].why


@pytest.mark.parametrize("error", [ModelError("no connection"), KeyboardInterrupt()])
def test_whatever_stops_the_model_leaves_a_brief_of_what_stood(
    hits: list[Hit], planned: Outline, error: BaseException
) -> None:
    with pytest.raises(Interrupted) as stop:
        written(hits, planned, Scripted({2: error}))  # type: ignore[dict-item]
    assert stop.value.draft.status == "answered"
    assert len(stop.value.draft.sections) == len(planned.sections)
    assert stop.value.doing == planned.sections[2].heading


@dataclass
class AtOnce(Scripted):
    """Names every section alike, and answers only once all are asked for, the last of them first."""

    sections: int = 0
    order: list[str] = field(default_factory=list)
    turn: threading.Condition = field(default_factory=threading.Condition)

    def section(self, planned: OutlineSection, others: Sequence[str]) -> DraftSection:
        with self.turn:
            mine = len(self.order)
            self.order.append(planned.heading)
            self.turn.notify_all()
            assert self.turn.wait_for(lambda: len(self.order) == self.sections, 10)
            assert self.turn.wait_for(lambda: self.asked == self.sections - 1 - mine, 10)
            self.asked += 1
            self.turn.notify_all()
        return DraftSection(heading="Contacts with Russia", drafts=tuple(verbatim(note) for note in planned.notes))


def test_sections_written_at_once_stand_in_the_order_of_the_plan_and_share_no_heading(
    hits: list[Hit], planned: Outline
) -> None:
    writer = AtOnce(sections=len(planned.sections))
    brief = compose(QUESTION, hits, planned, writer, default_verifier(), trace=TRACE, overlap=True)
    assert [section.heading for section in brief.sections] == [
        "Contacts with Russia",
        *(section.heading for section in planned.sections[1:]),
    ]
    assert [section.sentences[0].text for section in brief.sections] == [s.notes[0].text for s in planned.sections]
    told = [repair for repair in brief.trace.repairs if repair.where == "heading"]
    assert len(told) == len(planned.sections) - 1
    assert all("is much like" in repair.why for repair in told)


@pytest.mark.parametrize("text", ["The moon is made of a particularly ripe kind of cheese.", None])
def test_a_brief_is_the_same_whether_its_sections_are_written_at_once_or_one_by_one(
    hits: list[Hit], planned: Outline, text: str | None
) -> None:
    class ByPlace(Scripted):
        def section(self, asked_for: OutlineSection, others: Sequence[str]) -> DraftSection:
            told = {0: text} if text and asked_for == planned.sections[1] else {}
            return Scripted(told).section(asked_for, others)

    one_by_one, at_once = (
        compose(QUESTION, hits, planned, ByPlace(), default_verifier(), trace=TRACE, overlap=overlap)
        for overlap in (False, True)
    )
    assert at_once == one_by_one


def test_the_same_question_gives_the_same_brief(corpus: Settings) -> None:
    first, second = (pipeline.answer(QUESTION, corpus) for _ in range(2))
    assert (first.summary, first.sections, first.conclusion) == (second.summary, second.sections, second.conclusion)


def test_a_langchain_user_can_take_the_pipeline_as_a_runnable(corpus: Settings) -> None:
    brief = pipeline.chain(corpus).invoke("What did Mifsud tell Papadopoulos?")
    assert brief.status == "answered"
