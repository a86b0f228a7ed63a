"""What the composer relies on when a model writes: citations that exist, whole sentences, and one retry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from briefs import chunk
from fault_server import FaultServer, ScriptedReply, cut_off, dropped, good, overflow, truncated

from rag.config import load_settings
from rag.errors import ModelError, ReplyError, TooLong
from rag.llm import ChatClient as Model
from rag.llm import prompts, resolve
from rag.types import Chunk, Quote, Sentence
from rag.writing.evidence import EvidenceSentence
from rag.writing.outline import OutlineSection
from rag.writing.writers import Draft, LargeWriter, SmallWriter, pairs, sentences_of

MEETING = chunk(
    "oslo.md",
    "The harbour board of Oslo met on 3 May 2011 to consider the pier. The board's vote on the pier was secret.",
)
COST = chunk("costs.md", "The pier in Oslo cost 41 million kroner, the city's auditor found in 2014.")
CHUNKS = (MEETING, COST)


def note(source: Chunk, sentence: int = 0) -> EvidenceSentence:
    text = sentences_of(source.text)[sentence]
    start = source.text.index(text)
    return EvidenceSentence(text=text, chunk=source, start=start, end=start + len(text))


def printed(text: str, *sources: Chunk) -> Sentence:
    quotes = tuple(Quote(chunk_id=source.id, start=0, end=9, text=source.text[:9]) for source in sources)
    return Sentence(text=text, citations=tuple(s.id for s in sources), support="full", score=1.0, quotes=quotes)


PLANNED = OutlineSection(heading="The pier", notes=(note(MEETING), note(MEETING, 1), note(COST)))


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[FaultServer], Model]]:
    monkeypatch.chdir(tmp_path)
    opened: list[Model] = []

    def connected(server: FaultServer) -> Model:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        settings = load_settings({"retries": 0, "timeout": 20})
        opened.append(Model(resolve("openai:gpt-4.1-mini", settings), settings))
        return opened[-1]

    yield connected
    for model in opened:
        model.close()


def large(model: Model) -> LargeWriter:
    return LargeWriter(
        model=model,
        question="What of the pier?",
        write=prompts.load_prompt("section"),
        sum_up=prompts.load_prompt("summary"),
        mend=prompts.load_prompt("rewrite"),
        evidence={source.id: source for source in CHUNKS},
    )


def small(model: Model) -> SmallWriter:
    return SmallWriter(
        model=model,
        fuse=prompts.load_prompt("fuse"),
        heading=prompts.load_prompt("heading"),
        mend=prompts.load_prompt("rewrite"),
    )


def written(*sentences: tuple[str, list[str]], heading: str = "Oslo's pier") -> ScriptedReply:
    return good({"heading": heading, "sentences": [{"text": text, "citations": ids} for text, ids in sentences]})


# --- a large model --------------------------------------------------------------------------------------------------


def test_a_section_is_asked_for_with_its_passages_and_an_enum_of_their_aliases(
    connect: Callable[[FaultServer], Model],
) -> None:
    with FaultServer([written(("The board met.", ["E1"]))]) as server:
        large(connect(server)).section(PLANNED, ["Money"])
    body = server.requests[0].body
    user = body["messages"][1]["content"]
    assert [f"E{n} [{source.context}]\n{source.text}" in user for n, source in enumerate(CHUNKS, 1)] == [True, True]
    assert "Money" in user
    assert '"enum": ["E1", "E2"]' in str(body["response_format"]).replace("'", '"')
    assert body["response_format"]["json_schema"]["strict"] is True


def test_aliases_become_the_chunks_they_stand_for(connect: Callable[[FaultServer], Model]) -> None:
    reply = written(("The board met on 3 May 2011.", ["E1"]), ("The pier cost 41 million kroner.", ["E2", "E1", "E2"]))
    with FaultServer([reply]) as server:
        section = large(connect(server)).section(PLANNED, [])
    assert [draft.chunks for draft in section.drafts] == [(MEETING,), (COST, MEETING)]
    assert section.heading == "Oslo's pier"
    assert [draft.notes[0].chunk for draft in section.drafts] == [MEETING, MEETING]


def test_an_alias_that_was_not_shown_never_becomes_a_citation(connect: Callable[[FaultServer], Model]) -> None:
    invented = written(("The board met.", ["E3"]))
    with FaultServer([invented, invented]) as server:
        with pytest.raises(ReplyError, match="citations"):
            large(connect(server)).section(PLANNED, [])
        assert len(server.requests) == 2


def test_a_sentence_without_a_citation_is_refused(connect: Callable[[FaultServer], Model]) -> None:
    with FaultServer([written(("The board met.", []))] * 2) as server, pytest.raises(ReplyError, match="citations"):
        large(connect(server)).section(PLANNED, [])


def test_an_item_of_two_sentences_is_split_and_a_cut_piece_left_out(connect: Callable[[FaultServer], Model]) -> None:
    reply = written(("The board met on 3 May 2011 [E1]. The vote was secret (E1). The pier then", ["E1"]))
    with FaultServer([reply]) as server:
        section = large(connect(server)).section(PLANNED, [])
    assert [draft.text for draft in section.drafts] == ["The board met on 3 May 2011.", "The vote was secret."]
    assert {draft.chunks for draft in section.drafts} == {(MEETING,)}


def test_a_heading_with_a_name_that_no_passage_has_is_left_to_the_plan(connect: Callable[[FaultServer], Model]) -> None:
    with FaultServer([written(("The board met.", ["E1"]), heading="Bergen's secret tunnel")]) as server:
        section = large(connect(server)).section(PLANNED, [])
    assert section.heading is None
    assert section.fault is not None


def test_a_summary_inherits_all_citations_of_the_sentences_it_is_made_from(
    connect: Callable[[FaultServer], Model],
) -> None:
    body = [printed("The board met.", MEETING), printed("It cost 41 million kroner.", COST, MEETING)]
    summary = good({"sentences": [{"text": "The board met over a pier of 41 million kroner.", "from": ["S1", "S2"]}]})
    with FaultServer([summary]) as server:
        (made,) = large(connect(server)).closing("summary", [note(MEETING)], body)
    assert made.chunks == (MEETING, COST)
    assert "S2: It cost 41 million kroner." in server.requests[0].body["messages"][1]["content"]
    assert '"enum": ["S1", "S2"]' in str(server.requests[0].body).replace("'", '"')


# --- a small model --------------------------------------------------------------------------------------------------


def test_a_fused_sentence_cites_the_notes_it_was_made_from_whatever_the_model_says(
    connect: Callable[[FaultServer], Model],
) -> None:
    text = (
        "The harbour board of Oslo met on 3 May 2011 to consider the pier and the board's vote on the pier was secret."
    )
    replies = [good({"sentence": text[:-1] + " [9]."}), good({"heading": "Harbour board of Oslo"})]
    with FaultServer(replies) as server:
        section = small(connect(server)).section(PLANNED, [])
    fused, alone = section.drafts
    assert (fused.text, fused.chunks, fused.notes, fused.fault) == (text, (MEETING,), PLANNED.notes[:2], None)
    assert (alone.text, alone.chunks) == (PLANNED.notes[2].text, (COST,))
    assert section.heading == "Harbour board of Oslo"


def test_notes_that_the_model_keeps_apart_stay_as_they_are(connect: Callable[[FaultServer], Model]) -> None:
    replies = [good({"sentence": "The board met. The vote was secret."}), good({"heading": "Harbour board of Oslo"})]
    with FaultServer(replies) as server:
        section = small(connect(server)).section(PLANNED, [])
    assert [draft.text for draft in section.drafts] == [note.text for note in PLANNED.notes]


def test_a_fused_sentence_with_a_number_of_its_own_is_faulted(connect: Callable[[FaultServer], Model]) -> None:
    text = (
        "The harbour board of Oslo met on 4 May 2011 to consider the pier and the board's vote on the pier was secret."
    )
    with FaultServer([good({"sentence": text}), good({"heading": "Harbour board of Oslo"})]) as server:
        section = small(connect(server)).section(PLANNED, [])
    assert section.drafts[0].fault


def test_notes_from_different_documents_are_not_fused() -> None:
    assert pairs([note(MEETING), note(COST)], 64) == [(note(MEETING),), (note(COST),)]
    assert pairs([note(MEETING), note(MEETING, 1)], 64) == [(note(MEETING), note(MEETING, 1))]
    assert pairs([note(MEETING), note(MEETING, 1)], 10) == [(note(MEETING),), (note(MEETING, 1),)]


# --- the retry ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [truncated(), cut_off(), good({"heading": 3, "sentences": []})])
def test_a_reply_that_breaks_the_schema_gets_one_retry_that_carries_the_error(
    fault: ScriptedReply, connect: Callable[[FaultServer], Model]
) -> None:
    with FaultServer([fault, written(("The board met on 3 May 2011.", ["E1"]))]) as server:
        model = connect(server)
        section = large(model).section(PLANNED, [])
    assert section.drafts[0].chunks == (MEETING,)
    first, second = (asked.body["messages"][1]["content"] for asked in server.requests)
    assert second.startswith(first)
    assert "could not be used" in second
    assert server.requests[1].body["max_completion_tokens"] == 2 * server.requests[0].body["max_completion_tokens"]
    assert model.tokens["calls"] == 2


def test_a_request_that_does_not_fit_is_not_asked_again_longer(connect: Callable[[FaultServer], Model]) -> None:
    with FaultServer([overflow()]) as server:
        with pytest.raises(TooLong):
            large(connect(server)).section(PLANNED, [])
        assert len(server.requests) == 1


def test_a_line_that_is_down_is_no_broken_reply(connect: Callable[[FaultServer], Model]) -> None:
    with FaultServer([dropped()]) as server:
        with pytest.raises(ModelError) as caught:
            large(connect(server)).section(PLANNED, [])
        assert not isinstance(caught.value, ReplyError)
        assert len(server.requests) == 1


# --- sentences ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The board met [1].", ["The board met."]),
        ("The board met [E1][E2].", ["The board met."]),
        ("The board met [E1, E2 and E3] in May (E1–E4).", ["The board met in May."]),
        ("The Minsk agreements (2014) failed.", ["The Minsk agreements (2014) failed."]),
        ('He said: "No."', ['He said: "No."']),
        ("The board met on Monday. It then", ["The board met on Monday."]),
        ("no end in sight", []),
        ("  \n", []),
    ],
)
def test_sentences_are_whole_and_without_citation_marks(text: str, found: list[str]) -> None:
    assert sentences_of(text) == found


def test_a_rewritten_sentence_is_asked_for_with_its_evidence_and_fault(connect: Callable[[FaultServer], Model]) -> None:
    draft = Draft(text="The board met on 4 May 2011.", chunks=(MEETING,), notes=())
    with FaultServer([good({"sentence": "The board met on 3 May 2011."})]) as server:
        again = large(connect(server)).rewrite(draft, "no cited passage has 4 May 2011")
    assert again is not None
    assert (again.text, again.chunks) == ("The board met on 3 May 2011.", (MEETING,))
    asked = server.requests[0].body["messages"][1]["content"]
    assert MEETING.text in asked
    assert "no cited passage has 4 May 2011" in asked
