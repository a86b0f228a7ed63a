"""Groups: which passages stand against each other, and a stream that repeats."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from rag.eval.training.reranker.collection import FULL, NONE, PART, TRAIN
from rag.eval.training.reranker.groups import TOP, GroupStream, draw_group
from rag.eval.training.reranker.mined import MinedQuery


def query(labels: dict[str, float], unknown: tuple[str, ...] = (), candidates: int = 30, name: str = "q") -> MinedQuery:
    return MinedQuery(
        id=name,
        collection="c",
        text="text",
        split=TRAIN,
        candidates=tuple(f"p{number}" for number in range(candidates)),
        scores=(),
        labels=labels,
        unknown=unknown,
        relevant={id_: 1 for id_, label in labels.items() if label > NONE},
        by_document=False,
    )


def test_the_answer_comes_first_and_half_of_the_others_from_the_top() -> None:
    group = draw_group(query({"p2": FULL}), 7, random.Random(1))
    assert group is not None
    assert (group.passages[0], group.label, len(set(group.passages))) == ("p2", FULL, 8)
    from_top = [id_ for id_ in group.passages[1:] if int(id_[1:]) <= TOP]
    assert len(from_top) == 4


def test_passages_that_answer_or_may_answer_are_no_negatives() -> None:
    asked = query({"p0": FULL, "p1": PART}, unknown=("p2", "p3"), candidates=6)
    for seed in range(10):
        group = draw_group(asked, 7, random.Random(seed))
        assert group is not None
        assert sorted(group.passages[1:]) == ["p4", "p5"]
        assert group.label == {"p0": FULL, "p1": PART}[group.passages[0]]


def test_a_near_miss_is_a_negative_of_its_query_which_has_no_answer() -> None:
    group = draw_group(query({"far": NONE}), 7, random.Random(1))
    assert group is not None
    assert (group.passages[0], group.label, len(group.passages)) == ("far", NONE, 8)


def test_an_answer_without_anything_beside_it_makes_no_group() -> None:
    assert draw_group(query({"p0": FULL}, candidates=1), 7, random.Random(1)) is None


def stream(seed: int = 1, **counts: int) -> GroupStream:
    queries = {
        name: [query({"p0": FULL}, name=f"{name}{number}") for number in range(4)] for name in ("first", "second")
    }
    return GroupStream(queries, counts, negatives=3, batch=3, seed=seed)


def names(batches: GroupStream, count: int) -> list[list[str]]:
    return [[group.query.id for group in batches.next_batch()] for _ in range(count)]


def test_a_pass_has_the_queries_of_the_mixture() -> None:
    one_pass = [name for batch in names(stream(first=6, second=2), 3) for name in batch]
    assert len(one_pass) == 8
    assert {one_pass.count(f"first{number}") for number in range(4)} == {1, 2}
    assert len({name for name in one_pass if name.startswith("second")}) == 2


def test_a_stream_goes_on_from_a_place_with_the_same_groups() -> None:
    whole = stream(first=0, second=0)
    found = [whole.next_batch() for _ in range(6)]
    other = stream(first=0, second=0)
    list(islice(iter(other.next_batch, None), 2))
    place = other.place
    again = stream(first=0, second=0)
    again.move_to(place)
    assert [again.next_batch() for _ in range(4)] == found[2:]
    assert names(stream(seed=2, first=0, second=0), 3) != names(stream(first=0, second=0), 3)


def test_a_collection_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no queries of third"):
        stream(third=1)
    with pytest.raises(ValueError, match="no collection to train on"):
        stream()
