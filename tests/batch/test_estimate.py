"""The dry run renders the real prompts and asks nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fault_server import FaultServer
from pydantic import BaseModel

from rag.batch import answer_many
from rag.batch.estimate import CostEstimate, DryRunModel, estimate_cost
from rag.config import Settings, load_settings
from rag.llm import ChatClient, ModelChoice, resolve
from rag.types import Question
from rag.verify.chat_verifier import VerifyRequest

pytestmark = pytest.mark.integration

SEYCHELLES = Question(id="seychelles", text="Who met in the Seychelles in January 2017?")
BREAD = Question(id="bread", text="How is sourdough bread made?")


class Reply(BaseModel):
    heading: str
    sentences: list[str]


@pytest.fixture
def settings(store: Path) -> Settings:
    settings = load_settings({"store": str(store), "llm": "openai:gpt-4.1-mini", "k": 6, "sections": 1})
    return settings.model_copy(update={"openai_base_url": "http://127.0.0.1:9/v1"})


def choice_of(settings: Settings) -> ModelChoice:
    return resolve(settings.llm, settings)


def test_a_dry_run_counts_the_prompts_that_a_real_run_sends(settings: Settings) -> None:
    with FaultServer() as server:
        settings = settings.model_copy(update={"openai_base_url": server.base_url})
        estimate = estimate_cost([SEYCHELLES, BREAD], settings, choice_of(settings))
        assert server.requests == []
        assert len(list(answer_many([SEYCHELLES, BREAD], settings, jobs=1))) == 2
        sent = [request.body["messages"] for request in server.requests]
    assert (estimate.questions, estimate.sample) == (2, 2)
    assert estimate.cost is not None
    assert estimate.most is not None
    assert 0 < estimate.cost < estimate.most
    # The server's replies are supported by no passage, so the real run has corrections after the calls of the estimate.
    characters = sum(len(message["content"]) for messages in sent[: estimate.calls] for message in messages)
    assert 0.15 < estimate.prompt / characters < 0.6


def test_the_calls_of_a_large_model_are_counted_for_each_question_that_has_an_outline(settings: Settings) -> None:
    chosen = settings.model_copy(update={"verifier": "support"})
    estimate = estimate_cost([SEYCHELLES, BREAD], chosen, choice_of(chosen))
    assert estimate.calls == len(("queries", "select", "brief", "edit"))  # no passage is on bread
    verified = settings.model_copy(update={"verifier": "auto"})
    # All of the brief is verified in one call, its corrections in another.
    assert estimate_cost([SEYCHELLES, BREAD], verified, choice_of(verified)).calls == estimate.calls + 2


def test_the_calls_that_verify_are_counted_where_a_chat_model_verifies(settings: Settings) -> None:
    def estimate(verifier: str) -> CostEstimate:
        chosen = settings.model_copy(update={"verifier": verifier})
        return estimate_cost([SEYCHELLES], chosen, choice_of(chosen))

    packaged, both, model = (estimate(spec) for spec in ("support", "auto", "llm:openai:gpt-4.1-mini"))
    assert packaged.calls < both.calls == model.calls
    assert packaged.prompt < both.prompt == model.prompt
    assert (packaged.cost or 0) < (both.cost or 0) == (model.cost or 0)
    assert estimate("llm:openai:unpriced").cost is None
    dearer = estimate("llm:openai:gpt-4.1")
    assert (dearer.calls, dearer.prompt) == (model.calls, model.prompt)
    assert (dearer.cost or 0) > (model.cost or 0)


def test_finding_the_passages_of_a_local_summary_is_counted_where_a_chat_model_does_it(settings: Settings) -> None:
    def estimate(verifier: str) -> CostEstimate:
        chosen = settings.model_copy(update={"llm": "local", "verifier": f"{verifier}:openai:gpt-4.1-mini"})
        return estimate_cost([SEYCHELLES], chosen, choice_of(chosen))

    packaged, model = estimate("support+llm"), estimate("llm")
    assert packaged.calls < model.calls
    assert 0 < (packaged.cost or 0) < (model.cost or 0)


def test_an_estimate_is_proportional_to_the_questions_whatever_the_sample(settings: Settings) -> None:
    questions = [Question(id=str(n), text=SEYCHELLES.text) for n in range(60)]
    one, sixty = (estimate_cost(questions[:n], settings, choice_of(settings), sample_size=2) for n in (1, 60))
    assert (sixty.questions, sixty.sample, sixty.calls) == (60, 2, 60 * one.calls)
    assert sixty.cost == pytest.approx(60 * (one.cost or 0), rel=0.01)
    assert "Outlined 2 of 60 questions" in json.loads(sixty.as_json())["how"]


def test_answers_without_a_model_cost_nothing(settings: Settings) -> None:
    estimate = estimate_cost([SEYCHELLES], settings, resolve("extractive", settings))
    assert (estimate.calls, estimate.cost, estimate.most) == (0, 0, 0)


def test_a_model_without_a_price_has_an_estimate_in_tokens_only(settings: Settings) -> None:
    estimate = estimate_cost([SEYCHELLES], settings, resolve("openai:unpriced", settings))
    assert estimate.calls > 0
    assert (estimate.cost, estimate.most) == (None, None)
    assert "the price of unpriced is not in the price table" in estimate.as_text()


@pytest.mark.parametrize("kind", ["openai", "local"])
def test_the_dry_run_model_returns_empty_fields_and_counts_the_schema_for_a_remote_model(kind: str) -> None:
    model = DryRunModel(ModelChoice(kind=kind, name="m", why=""))  # type: ignore[arg-type]
    reply = model.ask("Be brief.", "Who met?", Reply, max_tokens=50, name="section")
    assert (reply.heading, reply.sentences) == ("", [])
    assert model.most["completion"] == 50
    assert model.tokens["calls"] == 1
    assert (model.tokens["prompt"] > 20) == (kind == "openai")


def test_the_dry_run_model_counts_what_the_client_allows_a_model_to_reason(settings: Settings) -> None:
    with FaultServer() as server:
        settings = settings.model_copy(update={"openai_base_url": server.base_url})
        choice = resolve("openai:gpt-5-mini", settings)
        model, prompt = DryRunModel(choice), ("Be brief.", "Who met?", Reply)
        with ChatClient(choice, settings) as client:
            client.ask(*prompt, max_tokens=50, name="section")
        model.ask(*prompt, max_tokens=50, name="section")
        counted = model.count([VerifyRequest(system="Be brief.", user="Who met?", schema=Reply, max_tokens=50)])
    sent = server.requests[0].body["max_completion_tokens"]
    assert sent > 1_000
    assert model.most["completion"] == counted["completion"] == sent


def test_an_estimate_says_where_reasoning_is_counted(settings: Settings) -> None:
    reasoning, plain = (
        estimate_cost([SEYCHELLES], settings, resolve(f"openai:{model}", settings))
        for model in ("gpt-5-mini", "gpt-4.1-mini")
    )
    assert (reasoning.calls, reasoning.completion) == (plain.calls, plain.completion)
    assert (reasoning.most or 0) > (reasoning.cost or 0) + reasoning.calls * 4_000 * 2 / 1e6  # its price
    assert "reasons before a reply is counted at the most only" in reasoning.how
    assert "reasons" not in plain.how
