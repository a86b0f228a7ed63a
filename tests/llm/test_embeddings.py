"""A remote embedder: what it sends, what it makes of the response, and what a caller gets when the server fails."""

from __future__ import annotations

import json
import math
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fault_server import (
    FaultServer,
    ScriptedReply,
    cut_line,
    dropped,
    embeddings,
    failing,
    garbled,
    letter_frequencies,
    overflow,
    rate_limited,
    slow,
    web_page,
)

from rag.config import Settings, load_settings
from rag.embedding import Embedder
from rag.errors import BudgetSpent, ModelError, ModelLost, ReplyError, TooLong, UsageError
from rag.llm import Budget, Rates, find_rates, open_embedder, open_remote_embedder, resolve_embedder
from rag.llm.embeddings import RemoteEmbedder

pytestmark = pytest.mark.integration  # real servers on loopback, and real waiting

KEY = "sk-secret-0123456789"
MODEL = "text-embedding-3-small"

Open = Callable[..., RemoteEmbedder]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Settings]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for name in ("OPENAI_PROXY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def loaded(base_url: str | None = None, *, model: str = MODEL, **flags: Any) -> Settings:
        if base_url:
            monkeypatch.setenv("OPENAI_BASE_URL", base_url)
        return load_settings({"embedder": f"openai:{model}", "retries": 1, "timeout": 20, **flags})

    return loaded


@pytest.fixture
def opened(settings: Callable[..., Settings]) -> Iterator[Open]:
    embedders: list[RemoteEmbedder] = []

    def open_(server: FaultServer, *, budget: Budget | None = None, **flags: Any) -> RemoteEmbedder:
        embedder = open_remote_embedder(settings(server.base_url, **flags), budget=budget)
        assert embedder is not None
        embedders.append(embedder)
        return embedder

    yield open_
    for embedder in embedders:
        embedder.close()


# --- what is sent, and what comes back -------------------------------------------------------------------------------


def test_vectors_are_unit_vectors_in_the_order_of_the_texts(opened: Open) -> None:
    texts = ["It rained.", "It snowed all day.", "Fog."]
    with FaultServer() as server:  # returns the vectors in reverse order
        embedder = opened(server)
        vectors = embedder.vectors(texts)
    expected = np.array(letter_frequencies(texts))
    assert isinstance(embedder, Embedder)
    assert embedder.name == f"openai:{MODEL}"
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True))
    [request] = server.requests
    assert request.path == "/v1/embeddings"
    assert {name.lower(): value for name, value in request.headers.items()}["authorization"] == f"Bearer {KEY}"
    assert request.body == {"model": MODEL, "input": texts, "encoding_format": "float"}


def test_no_text_sends_nothing(opened: Open) -> None:
    with FaultServer() as server:
        assert opened(server).vectors([]).shape[0] == 0
    assert server.requests == []


def test_a_request_has_a_limited_number_of_texts(opened: Open) -> None:
    texts = [f"Text {i}" for i in range(600)]
    with FaultServer() as server:
        assert opened(server).vectors(texts).shape == (600, 16)
    assert [text for request in server.requests for text in request.body["input"]] == texts
    assert max(len(request.body["input"]) for request in server.requests) <= 2048


@pytest.mark.parametrize(
    ("most", "status", "message", "sizes"),
    [
        (32, 422, "batch size {n} > maximum allowed batch size 32", [100, 1, 50, 25, 25, 25, 25]),
        (64, 413, "input batch size {n} > maximum allowed batch size 64", [100, 1, 50, 50]),
        (10, 400, "Value error, batch size is invalid, it should not be larger than 10.", [100, 1, 50, 25, 12, 6, 6]),
    ],
)
def test_a_server_gets_as_many_texts_as_it_takes(
    most: int, status: int, message: str, sizes: list[int], opened: Open
) -> None:
    def rule(body: dict[str, Any]) -> ScriptedReply | None:
        number = len(body["input"])
        return failing(status, message.format(n=number)) if number > most else None

    texts = [f"Text {i}" for i in range(100)]
    with FaultServer(rule=rule) as server:
        embedder = opened(server)
        vectors = embedder.vectors(texts)
        sent = [len(request.body["input"]) for request in server.requests]
        assert np.allclose(embedder.vectors(texts), vectors)
    assert sent[: len(sizes)] == sizes
    assert max(len(request.body["input"]) for request in server.requests[len(sent) :]) <= most  # it is remembered
    expected = np.array(letter_frequencies(texts))
    assert np.allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True))


def test_a_refusal_that_is_not_about_the_number_of_texts_is_reported_at_once(opened: Open) -> None:
    with FaultServer(rule=lambda _: failing(400, "API key not valid")) as server:
        embedder = opened(server)
        with pytest.raises(ModelError, match="API key not valid"):
            embedder.vectors([f"Text {i}" for i in range(100)])
    assert [len(request.body["input"]) for request in server.requests] == [100, 1]


def test_a_text_that_is_too_long_is_no_reason_for_smaller_requests(opened: Open) -> None:
    def rule(body: dict[str, Any]) -> ScriptedReply | None:
        return failing(413, "inputs must have less than 512 tokens") if "long" in body["input"] else None

    texts = [f"Text {i}" for i in range(100)]
    with FaultServer(rule=rule) as server:
        embedder = opened(server)
        with pytest.raises(TooLong):
            embedder.vectors([*texts, "long", *texts])
        before = len(server.requests)
        embedder.vectors(texts)
        assert len(server.requests) == before + 1


def test_a_request_fits_the_limit_on_tokens_a_minute(opened: Open) -> None:
    texts = ["word " * 300 for _ in range(20)]
    with FaultServer() as server:
        embedder = opened(server, tpm=1_200)
        waits: list[str] = []
        stopper = threading.Timer(2.0, embedder.stop)  # the second request would have to wait for a minute
        stopper.start()
        with embedder.recording(waits.append), pytest.raises(ModelError, match="stopped while a call waited"):
            embedder.vectors(texts)
    assert [len(request.body["input"]) for request in server.requests] == [2]
    assert len(waits) == 1
    assert "1,200 tokens a minute" in waits[0]


def test_a_query_is_requested_once(opened: Open) -> None:
    with FaultServer() as server:
        embedder = opened(server)
        first, second = embedder.embed_query("Did it rain?"), embedder.embed_query("Did it rain?")
        assert first == second == embedder.embed_documents(["Did it rain?"])[0]
    assert len(server.requests) == 2  # the query, and the document


def test_the_tokens_of_a_block_are_counted_by_thread(opened: Open) -> None:
    counted: dict[int, Counter[str]] = {}
    with FaultServer() as server:
        embedder = opened(server)

        def embed(words: int) -> None:
            with embedder.recording() as tokens:
                embedder.vectors(["word " * words])
                counted[words] = tokens

        threads = [threading.Thread(target=embed, args=(words,)) for words in (3, 5, 7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {words: tokens["prompt"] for words, tokens in counted.items()} == {3: 3, 5: 5, 7: 7}
    assert all(tokens["calls"] == 1 and not tokens["completion"] for tokens in counted.values())


def test_kept_replies_embed_a_query_without_key_or_server(
    opened: Open, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with FaultServer() as server:
        embedder = opened(server, replies=tmp_path / "replies")
        recorded = embedder.embed_query("Did it rain?")
        embedder.vectors(["It rained."])
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name)
    offline = open_remote_embedder(settings(replies=tmp_path / "replies"))
    assert offline is not None
    with offline.recording() as tokens:
        assert offline.embed_query("Did it rain?") == recorded
    assert (tokens["replayed"], tokens["prompt"]) == (1, 0)
    with pytest.raises(ModelError, match="no reply to 'question' is kept"):
        offline.embed_query("Did it snow?")
    with pytest.raises(ModelError, match="no reply to 'passages' is kept"):  # the index keeps the vectors of passages
        offline.vectors(["It rained."])
    offline.close()


# --- budget and price ------------------------------------------------------------------------------------------------


def test_a_request_is_paid_by_its_usage_at_the_embedders_price(opened: Open) -> None:
    paid: list[float] = []
    rates = find_rates(MODEL)
    assert rates is not None
    with FaultServer() as server:
        budget = Budget(1.0, Rates(prompt=500.0, cached=500.0, completion=500.0), on_paid=paid.append)
        opened(server, budget=budget).vectors(["one two three"])
    assert paid == [pytest.approx(3 * rates.prompt / 1e6)]
    assert (budget.spent, budget.reserved) == (paid[0], 0.0)


def test_a_response_without_usage_is_paid_at_the_bound(opened: Open) -> None:
    rates = find_rates(MODEL)
    assert rates is not None
    with FaultServer([embeddings([[1.0, 0.0]])]) as server:
        budget = Budget(1.0, rates)
        opened(server, budget=budget).vectors(["It rained."])
    assert budget.spent == pytest.approx(rates.bound(len(json.dumps(server.requests[0].body)), 0), rel=0.2)


def test_a_request_that_may_exceed_the_budget_is_not_sent(opened: Open) -> None:
    with FaultServer() as server:
        embedder = opened(server, budget=Budget(1e-9, find_rates(MODEL)))
        with pytest.raises(BudgetSpent, match="was not made"):
            embedder.vectors(["It rained."])
    assert server.requests == []


def test_a_budget_needs_the_embedders_price(settings: Callable[..., Settings], tmp_path: Path) -> None:
    budget = Budget(1.0, Rates(prompt=1.0, cached=1.0, completion=1.0))
    with pytest.raises(UsageError, match="that of home-made is not in the price table"):
        open_remote_embedder(settings(model="home-made"), budget=budget)
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"models": {"home-made": {"prompt": 2.0, "cached": 2.0, "completion": 0.0}}}))
    embedder = open_remote_embedder(settings(model="home-made", prices=prices), budget=budget)
    assert embedder is not None
    assert embedder.rates == Rates(prompt=2.0, cached=2.0, completion=0.0)


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [rate_limited(), rate_limited(retry_after=0.2), failing(500), failing(503), dropped(), cut_line(), slow(2)]
)
def test_a_transient_fault_is_retried(fault: ScriptedReply, opened: Open) -> None:
    with FaultServer([fault]) as server:
        assert opened(server, timeout=0.8).vectors(["It rained."]).shape == (1, 16)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        (failing(401, f"wrong key {KEY}"), ModelError, r"the key was refused: check OPENAI_API_KEY \(wrong key …\)"),
        (failing(404), ModelError, "there is no such model"),
        (failing(400, "an input is empty"), ModelError, r"the request was refused \(an input is empty\)"),
        (overflow(), TooLong, "does not fit the model's context"),
        (web_page(), ReplyError, "the response is no list of embeddings: check OPENAI_BASE_URL"),
        (garbled(), ReplyError, "the response is no list of embeddings"),
        (ScriptedReply(raw=b'{"data": null}'), ReplyError, "the response is no list of embeddings"),
        (embeddings([[1.0, 0.0]]), ReplyError, "1 vectors came back for 2 texts"),
        (embeddings([[1.0], [1.0], [1.0]]), ReplyError, "3 vectors came back for 2 texts"),
        (embeddings([[1.0, 0.0], [1.0]]), ReplyError, "no lists of numbers of the same length"),
        (embeddings([[1.0, 0.0], [1.0, math.nan]]), ReplyError, "a vector is empty, zero or not finite"),
        (embeddings([[1.0, 0.0], [0.0, 0.0]]), ReplyError, "a vector is empty, zero or not finite"),
        (embeddings([[], []]), ReplyError, "a vector is empty, zero or not finite"),
    ],
)
def test_a_fault_of_the_request_is_one_line_that_names_it(
    fault: ScriptedReply, kind: type[ModelError], message: str, opened: Open
) -> None:
    with FaultServer() as server, pytest.raises(kind, match=message) as caught:
        server.fail_from(1, fault)
        opened(server).vectors(["It rained.", "It snowed."])
    assert len(server.requests) == (2 if fault.status == 400 else 1)  # the second one is for one text alone
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)
    if kind is not TooLong:
        assert f"embedder {MODEL} at 127.0.0.1:" in str(caught.value)


def test_vectors_of_another_dimension_than_before_are_refused(opened: Open) -> None:
    with FaultServer([embeddings([[1.0, 0.0]]), embeddings([[1.0, 0.0, 0.0]])]) as server:
        embedder = opened(server)
        embedder.vectors(["It rained."])
        with pytest.raises(ReplyError, match="vectors of 2 and of 3 dimensions came back"):
            embedder.vectors(["It snowed."])


def test_a_server_that_stays_away_loses_the_embedder_after_the_patience(opened: Open) -> None:
    with FaultServer([failing(503)] * 50) as server:
        embedder = opened(server, patience=1.5, retries=3)
        with pytest.raises(ModelLost, match="raise CITEBRIEF_PATIENCE"):
            embedder.vectors(["It rained."])


# --- the spec --------------------------------------------------------------------------------------------------------


def test_a_remote_embedder_says_what_leaves_and_what_it_costs(settings: Callable[..., Settings]) -> None:
    choice = resolve_embedder(settings())
    assert choice is not None
    assert choice.leaves
    assert choice.why() == f"{MODEL} at api.openai.com: passages leave this machine; $0.02 per million tokens"
    unpriced = resolve_embedder(settings("http://models.example:8000/v1", model="home-made"))
    assert unpriced is not None
    assert unpriced.why("the question leaves") == (
        "home-made at models.example: the question leaves this machine; its price is not in the price table"
    )


def test_an_embedder_on_loopback_leaves_nothing(settings: Callable[..., Settings]) -> None:
    choice = resolve_embedder(settings("http://127.0.0.1:9/v1"))
    assert choice is not None
    assert not choice.leaves
    assert choice.why() == f"{MODEL} at 127.0.0.1, on this machine"


def test_the_estimate_names_passages_host_and_price(settings: Callable[..., Settings]) -> None:
    choice = resolve_embedder(settings())
    assert choice is not None
    estimate = choice.estimate(passages=1200, documents=34, tokens=200_000)
    assert estimate.as_text() == (
        f"1,200 passages of 34 documents, about 216,000 tokens, go to {MODEL} at api.openai.com: about $0.0043"
    )
    assert json.loads(estimate.as_json()) == {
        "passages": 1200,
        "documents": 34,
        "tokens": 216_000,
        "model": MODEL,
        "host": "api.openai.com",
        "cost": pytest.approx(0.00432),
    }


def test_an_embedder_without_key_or_base_url_is_refused_before_a_text_is_sent(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UsageError, match="set OPENAI_API_KEY, or OPENAI_BASE_URL"):
        resolve_embedder(settings())
    embedder = open_embedder(settings())  # `citebrief show` needs only its name
    with pytest.raises(UsageError, match="set OPENAI_API_KEY, or OPENAI_BASE_URL"):
        embedder.vectors(["It rained."])


@pytest.mark.parametrize("url", ["models.example/v1", "ftp://models.example"])
def test_a_base_url_that_is_no_url_is_named(url: str, settings: Callable[..., Settings]) -> None:
    with pytest.raises(UsageError, match="OPENAI_BASE_URL is"):
        resolve_embedder(settings(url))


def test_a_spec_without_a_model_is_refused(settings: Callable[..., Settings]) -> None:
    with pytest.raises(UsageError, match="name the model"):
        open_embedder(settings(model=""))


def test_equal_settings_share_one_embedder(settings: Callable[..., Settings]) -> None:
    assert open_embedder(settings(k=3)) is open_embedder(settings(k=4))
    assert open_embedder(settings()) is not open_embedder(settings(model="text-embedding-3-large"))


def test_a_local_embedder_is_no_remote_one(settings: Callable[..., Settings]) -> None:
    local = settings().model_copy(update={"embedder": "minilm"})
    assert resolve_embedder(local) is None
    assert open_remote_embedder(local) is None


def test_no_proxy_of_the_environment_is_used_for_loopback(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer() as proxy, FaultServer() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url.removesuffix("/v1"))
        monkeypatch.setenv("http_proxy", os.environ["HTTP_PROXY"])
        opened(server).vectors(["It rained."])
    assert (len(server.requests), len(proxy.requests)) == (1, 0)
