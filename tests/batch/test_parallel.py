"""Answering many questions in threads: results are independent, and a stopped batch ends soon."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from fault_server import FaultServer, rate_limited

from rag import pipeline
from rag.batch import answer_many
from rag.config import Settings, load_settings
from rag.errors import IndexMissing
from rag.progress import Step
from rag.types import Question

pytestmark = pytest.mark.integration

QUESTIONS = ("What are the links between Trump and Putin?", "Why was Flynn fired?", "How did the GRU hack the DNC?")


def test_a_brief_does_not_depend_on_the_questions_answered_at_the_same_time(corpus: Settings) -> None:
    questions = [Question(id=text, text=text) for text in QUESTIONS]
    results = {result.question.id: result.brief for result in answer_many(questions, corpus, jobs=3)}
    for question in questions:
        alone, brief = pipeline.answer(question.text, corpus), results[question.id]
        assert brief is not None
        assert (brief.summary, brief.sections, brief.evidence) == (alone.summary, alone.sections, alone.evidence)


def test_stopping_wakes_calls_that_wait_for_a_rate_limited_server(store: Path) -> None:
    stop, messages = threading.Event(), []
    settings = load_settings({"store": str(store), "llm": "openai:test", "k": 6, "sections": 1})

    def on_progress(_: Question, step: Step) -> None:
        if step.stage == "wait":
            messages.append(step.message)
            stop.set()

    with FaultServer([rate_limited(retry_after=60)] * 9) as server:
        settings = settings.model_copy(update={"openai_base_url": server.base_url})
        started = time.monotonic()
        questions = [Question(id="one", text="Who met in the Seychelles in January 2017?")]
        (result,) = answer_many(questions, settings, jobs=1, stop=stop, on_progress=on_progress)
    assert time.monotonic() - started < 20
    assert (result.status, result.error) == ("open", "stopped")
    assert "rate limit" in messages[0]


def test_a_missing_index_is_reported_before_the_first_question(tmp_path: Path) -> None:
    settings = load_settings({"store": str(tmp_path / "none"), "llm": "extractive"})
    questions = iter([Question(id="one", text="Who met?")])
    with pytest.raises(IndexMissing, match="no index in"):
        next(answer_many(questions, settings, jobs=1))
    assert next(questions).id == "one"
