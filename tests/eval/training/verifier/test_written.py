"""Evidence of the written pairs, from sections and summaries."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.eval.training.verifier import written


def test_a_sentence_of_a_section_has_all_evidence_of_the_section_below_its_headings(data: Path) -> None:
    found = written.read_written(data / "written.jsonl", data / "sections")[0]
    assert found.evidence == "The ferry — Loss\nThe ferry sank. Nine drowned.\n\nThe port\nTrade grew."
    assert [found.claims[1].text[start:end] for start, end in found.claims[1].unsupported or ()] == ["swam."]


def test_a_sentence_of_a_summary_has_the_evidence_of_the_sentences_it_rests_on(data: Path) -> None:
    found = written.read_written(data / "written.jsonl", data / "sections")[3]
    assert found.evidence == "Board — May\nThe board met.\n\nThe port\nTrade grew."
    assert (found.style, found.collection) == ("summary", "history")


def test_collections_held_out_are_never_in_training(data: Path) -> None:
    trained = written.training_examples(data / "written.jsonl", data / "sections")
    held_out = written.development_examples(data / "written.jsonl", data / "sections")
    assert {example.source for example in trained} == {"history"}
    assert [example.source for example in held_out] == ["minutes and incidents, section"]
    assert [len(example.claims) for example in trained] == [4, 2]


def test_an_id_without_a_section_is_named(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"id": "S9.0", "style": "section", "claim": "a", "twin": "b", "kind": "time"}\n')
    with pytest.raises(ValueError, match=r"S9\.0 is neither in sections\.jsonl nor in summaries\.jsonl"):
        written.read_written(path, data / "sections")


def test_every_pair_of_the_repository_differs_from_its_twin() -> None:
    from rag.eval.training.verifier.examples import changed_words, read_rows

    rows = read_rows(written.WRITTEN_PAIRS)
    assert len({row["id"] for row in rows}) == len(rows) > 1500
    assert all(changed_words(row["twin"], row["claim"]) for row in rows)
