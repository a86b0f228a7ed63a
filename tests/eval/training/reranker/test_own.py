"""Collections from SciFact's layout and from the data written for this project."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.eval.training.reranker.collection import FULL, HELD_OUT, NONE, PART, TRAIN
from rag.eval.training.reranker.own import read_claims, read_questions, read_scifact
from rag.eval.training.reranker.prepare import arguments, limited, readers


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def test_only_train_queries_of_a_benchmark_are_read(tmp_path: Path) -> None:
    write_rows(tmp_path / "corpus.jsonl", [{"_id": "7", "title": "T", "text": "Abstract."}])
    write_rows(tmp_path / "queries.jsonl", [{"_id": str(number), "text": f"claim {number}"} for number in range(40)])
    (tmp_path / "qrels").mkdir()
    header = "query-id\tcorpus-id\tscore\n"
    train = "".join(f"{number}\t7\t{number % 2}\n" for number in range(30))
    (tmp_path / "qrels" / "train.tsv").write_text(header + train)
    (tmp_path / "qrels" / "test.tsv").write_text(header + "35\t7\t1\n")
    found = read_scifact(tmp_path)
    assert {query.id for query in found.queries} == {str(number) for number in range(30) if number % 2}
    assert {query.split for query in found.queries} == {TRAIN, HELD_OUT}
    assert all(each.document == "7" for query in found.queries for each in query.judgements)
    assert (found.by_document, found.documents[0].title) == (True, "T")


def test_a_rationale_is_found_in_the_abstract_and_a_missing_one_leaves_the_place_open(tmp_path: Path) -> None:
    write_rows(tmp_path / "corpus.jsonl", [{"_id": "7", "title": "T", "text": "We tried. It helped. So what."}])
    write_rows(tmp_path / "queries.jsonl", [{"_id": str(number), "text": f"claim {number}"} for number in range(2)])
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\n0\t7\t1\n1\t7\t1\n")
    evidence = ["It helped.", "So what.", "Not there."]
    write_rows(tmp_path / "rationales.jsonl", [{"claim": "claim 0", "evidence": each} for each in evidence])
    first, second = read_scifact(tmp_path, tmp_path / "rationales.jsonl").queries
    assert [each.spans for each in first.judgements] == [((10, 20),), ((21, 29),)]
    assert [each.spans for each in second.judgements] == [()]


def data(directory: Path) -> Path:
    passages = [
        {"id": "P1", "source": "history: a", "title": "Ferry", "sentences": ["It sank.", "Nine drowned.", "Fog."]},
        {"id": "P2", "source": "minutes: b", "title": "", "sentences": ["The board met."]},
    ]
    pairs = [
        {"passage": "P1", "claim": "Nine died.", "label": "full", "kind": "paraphrase", "needs": [2]},
        {"passage": "P1", "claim": "Ten died.", "label": "none", "kind": "number", "needs": [2]},
        {"passage": "P2", "claim": "A board met.", "label": "full", "kind": "paraphrase", "needs": []},
    ]
    questions = [
        {"id": "Q1", "passage": "P1", "question": "How many drowned?", "answers": "full", "by": [2]},
        {"id": "Q2", "passage": "P1", "question": "Why did it sink, and when?", "answers": "part", "by": [1, 3]},
        {"id": "Q3", "passage": "P2", "question": "Who chairs it?", "answers": "no", "by": []},
    ]
    write_rows(directory / "prose" / "passages.jsonl", passages)
    write_rows(directory / "prose" / "pairs.jsonl", pairs)
    write_rows(directory / "questions" / "questions.jsonl", questions)
    return directory


def test_questions_have_grades_and_the_places_that_answer(tmp_path: Path) -> None:
    found = read_questions(data(tmp_path))
    text = found.documents[0].text
    judged = {query.id: query.judgements[0] for query in found.queries}
    assert [judged[key].label for key in ("Q1", "Q2", "Q3")] == [FULL, PART, NONE]
    assert [text[start:end] for start, end in judged["Q1"].spans] == ["Nine drowned."]
    assert [text[start:end] for start, end in judged["Q2"].spans] == ["It sank.", "Fog."]
    assert [query.split for query in found.queries] == [TRAIN, TRAIN, HELD_OUT]  # the domain minutes is held out


def test_true_claims_are_queries(tmp_path: Path) -> None:
    found = read_claims(data(tmp_path))
    assert [(query.text, query.split) for query in found.queries] == [("Nine died.", TRAIN), ("A board met.", HELD_OUT)]
    assert found.index == read_questions(tmp_path).index


def test_a_limit_keeps_the_same_queries_of_each_split(tmp_path: Path) -> None:
    whole = read_questions(data(tmp_path))
    few = limited(whole, 1)
    assert [query.split for query in few.queries] == [TRAIN, HELD_OUT]
    assert few == limited(whole, 1)


def test_only_collections_whose_place_is_given_are_read(tmp_path: Path) -> None:
    options = arguments().parse_args(["--data", str(tmp_path), "--out", str(tmp_path)])
    assert set(readers(options)) == {"questions", "claims"}
