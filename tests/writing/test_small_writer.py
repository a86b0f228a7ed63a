"""The writer for a small model: it merges neighbouring sentences, whose chunks a merged sentence cites."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fault_server import FaultServer, good

from rag.llm import ChatClient, prompts
from rag.types import Chunk
from rag.writing.outline import OutlineSection
from rag.writing.small_writer import SmallWriter, adjacent_pairs

Connect = Callable[[FaultServer], SmallWriter]

MERGED = "The harbour board of Oslo met on 3 May 2011 to consider the pier and the board's vote on the pier was secret."


@pytest.fixture
def writer(connect: Callable[[FaultServer], ChatClient]) -> Connect:
    """Connect a writer to a scripted server."""
    return lambda server: SmallWriter(
        model=connect(server),
        merge_prompt=prompts.load_prompt("merge"),
        rewrite_prompt=prompts.load_prompt("rewrite"),
    )


def test_a_merged_sentence_cites_the_chunks_of_its_sources_whatever_the_model_cites(
    writer: Connect, section: OutlineSection, meeting: Chunk, cost: Chunk
) -> None:
    with FaultServer([good({"sentence": f"{MERGED[:-1]} [9]."})]) as server:
        written = writer(server).section(section, [])
    merged, single = written.drafts
    assert (merged.text, merged.chunks, merged.evidence) == (MERGED, (meeting,), section.evidence[:2])
    assert merged.merged
    assert merged.fault is None
    assert (single.text, single.chunks) == (section.evidence[2].text, (cost,))
    assert written.heading is None  # the documents' heading stays
    assert len(server.requests) == 1


def test_sentences_that_the_model_keeps_apart_are_quoted(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([good({"sentence": "The board met. The vote was secret."})]) as server:
        written = writer(server).section(section, [])
    assert [draft.text for draft in written.drafts] == [sentence.text for sentence in section.evidence]


def test_a_merged_sentence_with_a_number_of_its_own_has_a_fault(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([good({"sentence": MERGED.replace("3 May", "4 May")})]) as server:
        written = writer(server).section(section, [])
    assert written.drafts[0].fault == "no note has 4 May 2011"


def test_a_pair_of_a_section_is_not_merged_again_for_the_summary(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([good({"sentence": MERGED})]) as server:
        small_writer = writer(server)
        merged, *_ = small_writer.section(section, []).drafts
        asked = len(server.requests)
        assert small_writer.closing("summary", section.evidence[:2], []) == [merged]
    assert len(server.requests) == asked


def test_only_neighbours_in_one_document_that_are_short_enough_are_paired(section: OutlineSection) -> None:
    first, second, other = section.evidence
    assert adjacent_pairs([first, other]) == [(first,), (other,)]
    assert adjacent_pairs([first, second]) == [(first, second)]
    assert adjacent_pairs([first, second], max_words=10) == [(first,), (second,)]


def test_the_request_keeps_the_schema_title_that_response_caches_know(writer: Connect, section: OutlineSection) -> None:
    with FaultServer([good({"sentence": MERGED})]) as server:
        writer(server).section(section, [])
    schemas = [request.body["response_format"]["json_schema"]["schema"] for request in server.requests]
    assert [schema["title"] for schema in schemas] == ["_Fused"]
    assert not any("description" in schema for schema in schemas)
