"""Which chunks a judgement labels, and queries that are mined with the product's retrieval."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.eval.training.reranker.collection import (
    FULL,
    NONE,
    PART,
    TRAIN,
    Collection,
    Judgement,
    Query,
    split_of,
)
from rag.eval.training.reranker.mined import mined_names, read_mined, write_mined
from rag.eval.training.reranker.mining import chunk_labels, mine, mined_query
from rag.types import Chunk, Document, Hit


def chunk(name: str, start: int, end: int) -> Chunk:
    return Chunk(id=name, document_id="d", text="x" * (end - start), start=start, end=end)


CHUNKS = [chunk("a", 0, 100), chunk("b", 101, 200), chunk("c", 201, 300)]


def test_a_chunk_with_all_places_has_the_label_and_one_with_some_of_them_a_part() -> None:
    one = Judgement(document="d", label=FULL, spans=((10, 20),))
    assert chunk_labels(one, CHUNKS, []) == {"a": FULL}
    two = Judgement(document="d", label=FULL, spans=((10, 20), (150, 160)))
    assert chunk_labels(two, CHUNKS, []) == {"a": PART, "b": PART}
    across = Judgement(document="d", label=FULL, spans=((190, 210),))
    assert chunk_labels(across, CHUNKS, []) == {"b": PART, "c": PART}


def test_without_places_the_chunk_that_is_found_first_has_the_label() -> None:
    judgement = Judgement(document="d", label=FULL)
    assert chunk_labels(judgement, CHUNKS, [CHUNKS[2], CHUNKS[1]]) == {"c": FULL}
    assert chunk_labels(judgement, CHUNKS, []) == {"a": FULL}
    assert chunk_labels(judgement, [], []) == {}


def test_a_document_that_does_not_answer_labels_all_its_chunks() -> None:
    judgement = Judgement(document="d", label=NONE, spans=((10, 20),))
    assert chunk_labels(judgement, CHUNKS, []) == {"a": NONE, "b": NONE, "c": NONE}


def test_other_chunks_of_a_relevant_document_may_be_relevant_where_documents_are_judged() -> None:
    query = Query(
        id="q",
        text="",
        split=TRAIN,
        judgements=tuple(Judgement(document="d", label=FULL, spans=(span,)) for span in ((90, 110), (150, 160))),
    )
    collection = Collection(name="c", documents=[], queries=[query], index="c", by_document=True)
    hits = [Hit(chunk=chunk, rank=rank, score=1 / rank) for rank, chunk in enumerate(CHUNKS, 1)]
    found = mined_query(collection, query, hits, {"d": CHUNKS})
    assert found.labels == {"a": PART, "b": FULL}
    assert (set(found.unknown) & {"c"}, found.relevant) == ({"c"}, {"d": 2})


def test_a_split_is_the_same_in_every_run_and_holds_out_a_fifth() -> None:
    splits = [split_of(f"key {number}") for number in range(1000)]
    assert splits == [split_of(f"key {number}") for number in range(1000)]
    assert 150 < len(splits) - splits.count(TRAIN) < 250


@pytest.mark.integration
def test_queries_are_mined_from_an_index_and_read_again(tmp_path: Path) -> None:
    texts = {
        "ferry": "The ferry sank off the cape in May 1921. Nine sailors drowned.",
        "port": "The port of the town was rebuilt after the war, and trade grew.",
        "board": "The board elected a chair and two members abstained.",
    }
    queries = [
        Query(
            id="1",
            text="When did the ferry sink?",
            split=TRAIN,
            judgements=(Judgement(document="ferry", label=FULL, spans=((0, 40),)),),
        ),
        Query(
            id="2",
            text="Who chairs the board?",
            split=TRAIN,
            judgements=(Judgement(document="board", label=NONE),),
        ),
    ]
    documents = [Document(id=id_, title=id_.title(), text=text, source=id_) for id_, text in texts.items()]
    collection = Collection(name="small", documents=documents, queries=queries, index="small", by_document=False)
    found = mine(collection, tmp_path / "indexes")
    first, second = found.queries
    assert found.passages[first.candidates[0]].text == f"Ferry\n{texts['ferry']}"
    assert (list(first.labels.values()), list(first.relevant.values())) == ([FULL], [2])
    assert (list(second.labels.values()), second.relevant) == ([NONE], {})
    write_mined(tmp_path, found)
    assert mined_names(tmp_path) == ["small"]
    assert read_mined(tmp_path, "small") == found
