"""Questions that are answered at the same time do not influence each other."""

from __future__ import annotations

import pytest

from rag import pipeline
from rag.batch.parallel import answer_many
from rag.config import Settings
from rag.types import Question

QUESTIONS = ("What are the links between Trump and Putin?", "Why was Flynn fired?", "How did the GRU hack the DNC?")


@pytest.mark.integration
def test_a_brief_does_not_depend_on_the_questions_answered_at_the_same_time(corpus: Settings) -> None:
    questions = [Question(id=text, text=text) for text in QUESTIONS]
    results = {result.question.id: result.brief for result in answer_many(questions, corpus, jobs=3)}
    for question in questions:
        alone, brief = pipeline.answer(question.text, corpus), results[question.id]
        assert brief is not None
        assert (brief.summary, brief.sections, brief.evidence) == (alone.summary, alone.sections, alone.evidence)
