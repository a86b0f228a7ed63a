"""Composing over the real corpus: a verified brief exists at any moment, and no unsupported sentence gets in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from rag import pipeline
from rag.config import Settings, load_settings
from rag.embedding import load_encoder
from rag.errors import Interrupted, ModelError, ReplyError
from rag.retrieval import retrieve
from rag.store import Index
from rag.types import Brief, Chunk, Hit, Trace
from rag.verify import default_verifier
from rag.verify.answers import load_sentence_model
from rag.writing.closing import divide_evidence
from rag.writing.compose import compose, quoted_brief
from rag.writing.drafts import Draft, DraftHeading
from rag.writing.outline import Outline, OutlineSection, make_outline

pytestmark = pytest.mark.integration

QUESTION = "What are the links between Trump and Putin?"
TRACE = Trace(
    version="0", model="m", parameters={}, prompts={}, embedder="minilm", fingerprint="", verifier="", seconds={},
    tokens={}, cost=None,
)  # fmt: skip


@pytest.fixture(scope="module")
def hits(corpus_index: Index) -> list[Hit]:
    return retrieve(corpus_index, QUESTION, k=40)


@pytest.fixture(scope="module")
def outline(hits: list[Hit]) -> Outline:
    score = load_sentence_model(load_settings()).probabilities
    return make_outline(QUESTION, hits, load_encoder().vectors, score)


@dataclass
class ScriptedWriter:
    """Returns or raises the scripted result of a call for a heading, by its number; without one it gives no heading.

    ``answer`` is the result of the summary call: sentences with the passages that they cite.
    """

    results: dict[int, str | BaseException] = field(default_factory=dict)
    known: list[Sequence[str]] = field(default_factory=list)
    answer: Sequence[tuple[str, Chunk]] | BaseException = ()

    def summary(self) -> tuple[Draft, ...]:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return tuple(Draft(text=text, chunks=(chunk,), evidence=()) for text, chunk in self.answer)

    def heading(self, section: OutlineSection, other_headings: Sequence[str]) -> DraftHeading:
        result = self.results.get(len(self.known))
        self.known.append(other_headings)
        if isinstance(result, BaseException):
            raise result
        return DraftHeading(text=result)


def composed(hits: list[Hit], outline: Outline, writer: ScriptedWriter) -> Brief:
    score = load_sentence_model(load_settings()).probabilities
    embed = load_encoder().vectors
    return compose(QUESTION, hits, outline, writer, default_verifier(), score_answers=score, embed=embed, trace=TRACE)


def test_the_first_draft_consists_of_exact_quotes(hits: list[Hit], outline: Outline) -> None:
    brief = quoted_brief(QUESTION, hits, outline, TRACE)
    assert 8 <= len(list(brief.sentences())) <= 30
    assert brief.summary
    assert brief.conclusion
    for sentence in brief.sentences():
        assert " ".join(sentence.quotes[0].text.split()) == sentence.text


def test_a_heading_replaces_that_of_the_outline_and_the_evidence_stays_quoted(
    hits: list[Hit], outline: Outline
) -> None:
    brief = composed(hits, outline, ScriptedWriter({0: "Contacts with Russia"}))
    draft = quoted_brief(QUESTION, hits, outline, TRACE)
    assert [section.heading for section in brief.sections] == [
        "Contacts with Russia",
        *(section.heading for section in draft.sections[1:]),
    ]
    assert [section.sentences for section in brief.sections] == [section.sentences for section in draft.sections]


def test_a_heading_that_another_section_has_is_not_taken(hits: list[Hit], outline: Outline) -> None:
    taken = divide_evidence(outline).sections[1].heading
    brief = composed(hits, outline, ScriptedWriter({0: taken}))
    assert brief.sections[0].heading != taken
    [repair] = brief.trace.repairs
    assert (repair.where, repair.after) == ("heading", brief.sections[0].heading)


def test_a_summary_that_a_passage_states_opens_the_brief_and_a_false_one_gives_way_to_evidence(
    hits: list[Hit], outline: Outline
) -> None:
    passage = outline.key_points[0].chunk
    stated = max((each.text for each in outline.candidates if each.chunk == passage), key=len)
    false = "Donald Trump paid Vladimir Putin 14 million dollars for his links on March 3, 2011."
    brief = composed(hits, outline, ScriptedWriter(answer=[(f"{stated[:-1]} .", passage), (false, passage)]))
    assert false not in {sentence.text for sentence in brief.sentences()}
    assert any(passage.id in sentence.citations for sentence in brief.summary)
    texts = [sentence.text for sentence in brief.sentences()]
    assert len(texts) == len(set(texts))
    assert brief.sections
    assert brief.conclusion
    assert all(sentence.support == "full" for sentence in brief.sentences())
    assert {repair.where for repair in brief.trace.repairs} == {"summary"}
    printed = " ".join(texts)
    assert all(repair.after in printed for repair in brief.trace.repairs), "a repair tells what is printed"


def test_an_unusable_summary_leaves_the_quoted_brief(hits: list[Hit], outline: Outline) -> None:
    brief = composed(hits, outline, ScriptedWriter(answer=ReplyError("the reply was cut off")))
    quoted = quoted_brief(QUESTION, hits, outline, TRACE)
    assert (brief.summary, brief.sections, brief.conclusion) == (quoted.summary, quoted.sections, quoted.conclusion)
    assert brief.trace.repairs[0].why == "no usable reply: the reply was cut off"


def test_an_interruption_of_the_summary_carries_the_quoted_brief(hits: list[Hit], outline: Outline) -> None:
    with pytest.raises(Interrupted, match=r"^while writing 'summary': stopped$") as caught:
        composed(hits, outline, ScriptedWriter(answer=KeyboardInterrupt()))
    assert caught.value.draft.summary == quoted_brief(QUESTION, hits, outline, TRACE).summary


def test_an_unusable_reply_leaves_the_heading_of_the_outline(hits: list[Hit], outline: Outline) -> None:
    brief = composed(hits, outline, ScriptedWriter({0: ReplyError("the reply was cut off")}))
    assert len(brief.sections) == len(divide_evidence(outline).sections)
    assert brief.trace.repairs[0].why == "no usable reply: the reply was cut off"


@pytest.mark.parametrize("error", [ModelError("no connection"), KeyboardInterrupt()])
def test_an_interruption_carries_the_brief_so_far_and_names_the_part(
    hits: list[Hit], outline: Outline, error: BaseException
) -> None:
    why = "stopped" if isinstance(error, KeyboardInterrupt) else "no connection"
    with pytest.raises(Interrupted, match=f"^while writing .*: {why}$") as caught:
        composed(hits, outline, ScriptedWriter({2: error}))
    assert caught.value.draft.status == "answered"
    assert len(caught.value.draft.sections) == len(divide_evidence(outline).sections)
    assert caught.value.doing == divide_evidence(outline).sections[2].heading


def test_a_heading_is_asked_for_with_those_written_before_it(hits: list[Hit], outline: Outline) -> None:
    writer = ScriptedWriter({0: "Contacts with Russia"})
    composed(hits, outline, writer)
    assert writer.known[0][0] == divide_evidence(outline).sections[1].heading
    assert writer.known[1][0] == "Contacts with Russia"


def test_the_same_question_gives_the_same_brief(corpus: Settings) -> None:
    first, second = (pipeline.answer(QUESTION, corpus) for _ in range(2))
    assert (first.summary, first.sections, first.conclusion) == (second.summary, second.sections, second.conclusion)


def test_the_pipeline_is_a_langchain_runnable(corpus: Settings) -> None:
    brief = pipeline.chain(corpus).invoke("What did Mifsud tell Papadopoulos?")
    assert brief.status == "answered"
