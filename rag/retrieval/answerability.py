"""Answerability: whether retrieved evidence can answer a question at all, decided before anything is written.

Evidence fails in two ways. It is about another subject: nothing is similar to the question. Or it is about the subject
and lacks the fact ("Which car does Cohen drive?"): similarity is high, and only a model that reads the question
together with a passage sees that the passage does not answer. Its probabilities decide here; what they are worth is
measured by ``citebrief eval answerability``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rag.retrieval.question_parts import QuestionPart, question_parts
from rag.types import Hit

if TYPE_CHECKING:
    from numpy.typing import NDArray

ScoreAnswers = Callable[[Sequence[str], Sequence[str]], "NDArray[np.float32]"]
"""Returns the probability that a passage answers a question (questions × passages): see
:meth:`rag.verify.answers.AnswerModel.probabilities`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerabilityParameters:
    """The constants of :func:`assess_answerability`. ``eval/training/answers`` measures them."""

    read: int = 16
    """Hits that are read, the best first. Where none of them answers, as many further ones are read."""

    answers: float = 0.5
    """Probability from which the best passage answers a question, or a part of one."""

    answers_all: float = 0.75
    """Probability for the question as a whole from which the best passage answers each of its parts."""

    on_question: float = 0.08
    """Probability below which a passage is off the question: it is no evidence, however similar it is."""


_PARAMETERS = AnswerabilityParameters()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerScores:
    """The probability that a passage answers, for each passage that was read.

    ``questions`` are the question and, if it has several, its parts. ``by_chunk`` has the probabilities for these, by
    the chunk's id.
    """

    questions: tuple[str, ...]
    by_chunk: Mapping[str, tuple[float, ...]]

    def best(self, chunk_id: str) -> float | None:
        """Return the probability that the chunk answers the question or a part of it; None if it was not read."""
        found = self.by_chunk.get(chunk_id)
        return None if found is None else max(found)


NO_SCORES = AnswerScores(questions=(), by_chunk={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerability:
    """Whether evidence can answer a question. Nothing is written unless ``enough``.

    ``gaps`` are sentences for the reader about what the evidence lacks: a refusal says what was looked for and what the
    nearest passages are about.
    """

    enough: bool
    gaps: tuple[str, ...]
    scores: AnswerScores = NO_SCORES


def assess_answerability(question: str, hits: Sequence[Hit], score_answers: ScoreAnswers) -> Answerability:
    """Return whether ``hits`` can answer ``question``.

    A question of several parts is answered if one of its parts is; the others become gaps.

    Args:
        question: the question.
        hits: best first.
        score_answers: the model that reads the question with a passage.
    """
    if not hits:
        return Answerability(enough=False, gaps=("Nothing in the corpus matches the question.",))
    parts = question_parts(question)
    asked = [question, *(part.query for part in parts if len(parts) > 1)]
    read = list(hits[: _PARAMETERS.read])
    found = score_answers(asked, [answer_text(hit) for hit in read])
    further = hits[len(read) : 2 * _PARAMETERS.read]
    if further and found.max() < _PARAMETERS.answers:
        found = np.concatenate([found, score_answers(asked, [answer_text(hit) for hit in further])], axis=1)
        read += further
    scores = AnswerScores(
        questions=tuple(asked),
        by_chunk={hit.chunk.id: tuple(column) for hit, column in zip(read, found.T.tolist(), strict=True)},
    )
    best = found.max(axis=1)
    if best.max() < _PARAMETERS.answers:
        return Answerability(enough=False, gaps=_refusal(parts, read, found), scores=scores)
    unanswered = [
        part
        for part, score in zip(parts, best[1:], strict=False)
        if score < _PARAMETERS.answers and best[0] < _PARAMETERS.answers_all
    ]
    if len(unanswered) == len(parts):  # some passage answers the question as a whole, though none a part of it
        unanswered = []
    gaps = tuple(f"The passages found do not answer: {part.text}" for part in unanswered)
    return Answerability(enough=True, gaps=gaps, scores=scores)


def answer_text(hit: Hit) -> str:
    """Return the passage of ``hit`` as the model reads it, with title and headings in a line above it."""
    return f"{hit.chunk.context}\n{hit.chunk.text}" if hit.chunk.context else hit.chunk.text


def order_by_answers(hits: Sequence[Hit], scores: AnswerScores, *, only_evidence: bool = True) -> list[Hit]:
    """Return ``hits`` with new ranks: by falling probability that they answer, then those that were not read.

    Args:
        hits: best first.
        scores: of the hits that were read.
        only_evidence: leave out what was read and is off the question.
    """
    best = {hit.chunk.id: scores.best(hit.chunk.id) for hit in hits}
    read = sorted((hit for hit in hits if best[hit.chunk.id] is not None), key=lambda hit: -(best[hit.chunk.id] or 0.0))
    if only_evidence:
        read = [hit for hit in read if (best[hit.chunk.id] or 0.0) >= _PARAMETERS.on_question]
    unread = [hit for hit in hits if best[hit.chunk.id] is None]
    return [replace(hit, rank=rank) for rank, hit in enumerate([*read, *unread], 1)]


def _refusal(parts: Sequence[QuestionPart], read: Sequence[Hit], found: NDArray[np.float32]) -> tuple[str, ...]:
    """Return what was looked for and not found, and what the passages that come nearest are about."""
    looked_for = " ".join(part.text for part in parts)
    order = np.argsort(-found.max(axis=0))
    titles = list(dict.fromkeys(_name(read[int(at)]) for at in order[:3]))
    nearest = " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)
    return (
        f"None of the {len(read)} passages that come nearest to the question answers it: {looked_for}",
        f"The nearest passages are from {nearest}.",
    )


def _name(hit: Hit) -> str:
    chunk = hit.chunk
    return f"“{' › '.join(part for part in (chunk.title, *chunk.heading_path[-1:]) if part) or chunk.document_id}”"
