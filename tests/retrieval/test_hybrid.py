"""Hybrid retrieval over an index of corpus/."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.embedding import load_embedder
from rag.ingest import extract, find, root_of
from rag.retrieval import retrieve
from rag.retrieval.hybrid import HybridParameters
from rag.store import Index
from rag.types import Filter

pytestmark = pytest.mark.integration


def test_hits_are_ranked_by_score_and_say_which_search_found_them(corpus_index: Index) -> None:
    hits = retrieve(corpus_index, "Who met in the Seychelles in January 2017?", k=20)
    assert [hit.rank for hit in hits] == list(range(1, 21))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.score <= 1 for hit in hits)
    assert hits[0].found_by == ("dense", "lexical")
    assert {name for hit in hits for name in hit.found_by} == {"dense", "lexical"}


def test_a_question_whose_words_no_chunk_has_is_answered_by_dense_search_alone(corpus_index: Index) -> None:
    hits = retrieve(corpus_index, "zzzz qqqq", k=5)
    assert [hit.found_by for hit in hits] == [("dense",)] * 5


def test_a_filter_restricts_both_searches(corpus_index: Index) -> None:
    hits = retrieve(corpus_index, "Who met in the Seychelles?", k=5, where=Filter(document="panama*"))
    assert hits
    assert all(hit.chunk.document_id.startswith("panama") for hit in hits)


def test_a_filter_that_no_document_passes_gives_no_hits(corpus_index: Index) -> None:
    assert retrieve(corpus_index, "Who met in the Seychelles?", k=5, where=Filter(document="no such document")) == []


def test_near_duplicates_that_fill_a_search_do_not_keep_other_passages_out(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    rule = "The travel policy says that all trips must be approved by the manager before booking."
    texts = {
        **{f"minutes-{n}": rule for n in range(2 * HybridParameters().min_pool)},
        "claims": "Travel costs abroad are refunded thirty days after the claim.",
        "oslo": "Trips to Oslo in 2023 cost 4,000 euros and were approved by Anna.",
    }
    for name, text in texts.items():
        (documents / f"{name}.md").write_text(f"# {name.split('-')[0].title()}\n\n{text}\n")
    index = Index(str(tmp_path / "store"), load_embedder("minilm"))
    index.update(find([str(documents)]), extract, [root_of(str(documents))])
    hits = retrieve(index, "Which trips must be approved by the manager under the travel policy?", k=3)
    assert hits[0].chunk.title == "Minutes"
    assert {hit.chunk.title for hit in hits[1:]} == {"Claims", "Oslo"}
    assert [hit.rank for hit in hits] == [1, 2, 3]
