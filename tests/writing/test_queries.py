"""Queries that a large model writes for the aspects of a question. Real client, scripted server."""

from __future__ import annotations

from collections.abc import Callable

from fault_server import FaultServer, good

from rag.llm import ChatClient
from rag.writing.queries import MAX_QUERIES, expand_queries

QUESTION = "Why did Oslo close the pier?"
Connect = Callable[[FaultServer], ChatClient]


def test_the_queries_of_the_reply_are_searched_for_once_each_and_without_the_question_itself(connect: Connect) -> None:
    queries = ["cost of the pier", " cost of  the pier", "why did Oslo close the pier", "board vote on the pier"]
    with FaultServer([good({"queries": queries})]) as server:
        assert expand_queries(connect(server), QUESTION) == ["cost of the pier", "board vote on the pier"]
        [request] = server.requests
        assert QUESTION in request.body["messages"][1]["content"]


def test_no_more_queries_are_searched_for_than_the_limit(connect: Connect) -> None:
    with FaultServer([good({"queries": [f"aspect {number}" for number in range(20)]})]) as server:
        assert len(expand_queries(connect(server), QUESTION)) == MAX_QUERIES


def test_an_unusable_reply_gives_no_queries_and_stops_nothing(connect: Connect) -> None:
    with FaultServer([good({"queries": 3})] * 2) as server:
        assert expand_queries(connect(server), QUESTION) == []
