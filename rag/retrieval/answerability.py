"""Answerability: whether retrieved evidence can answer a question at all, decided before anything is written.

Evidence fails in two ways. It is about another subject: nothing is similar to the question. Or it is about the subject
and lacks the fact ("Which car does Cohen drive?"): similarity is high, and only a model that reads the question
together with a passage sees that the passage does not answer. It overlooks a name that is not there ("How do I run a
crawl on Kubernetes?"), which late interaction finds (ColBERT; Khattab & Zaharia, SIGIR 2020): a name is compared with
every word of the best passages. A logistic regression decides on three numbers: the probability of the best passage,
that of the best ones on average, since a broad question has many passages that answer a part, and the missing names.

Half of the 84 questions of ``eval/cases/answerability.jsonl`` are near misses on their collection's subject. Fitted on
three of its collections and measured on the other three, and the other way round, the balanced accuracy is .86 and .86;
with the best passage alone .79 and .81. The word rules before had .62. The rule that one passage can be enough came
later, for narrow questions that were refused: .85 on all 84, on which it was chosen. Of 23 broad questions of
``eval/cases/coverage.jsonl`` on three collections, all of which have an answer, 22 are answered.

All of this was measured with version 1 of the model. With the model that ships, and the same constants, .84 of 112
questions with an answer are answered and .80 of 56 without one are refused (.88 and .70 with version 1); 58 of them
were written later, by people who did not know the rule. Of the parts of questions that the passages read do not answer
.44 become gaps (n = 34), and of those that they answer .07 (n = 54); .19 and .05 with version 1, each part read with
its subject alone: see :func:`read_wordings`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rag._internal.log_odds import from_log_odds, log_odds
from rag.retrieval.query_terms import query_terms
from rag.retrieval.question_parts import QuestionPart, question_parts
from rag.text import stem, words_of
from rag.types import Hit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rag.embedding import EmbedWords

ScoreAnswers = Callable[[Sequence[str], Sequence[str]], "NDArray[np.float32]"]
"""Returns the probability that a passage answers a question (questions × passages): see
:meth:`rag.verify.answers.AnswerModel.probabilities`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerabilityParameters:
    """The constants of :func:`assess_answerability`. ``eval/training/answers`` measures them."""

    read: int = 14
    """Hits that are read to decide, the best first."""

    best: float = 0.904
    """Weight of the log-odds that the best passage answers."""

    several: float = 1.186
    """Weight of the log-odds of the mean probability of the best passages."""

    missing: float = -4.895
    """Weight of the number of names that the best passages do not have: see :func:`missing_names`."""

    intercept: float = 1.0
    """Added to these; from 0 on the question is answered. The fit has 0.79, which answers fewer broad questions."""

    enough_alone: float = 0.6
    """Probability from which one passage is enough if no name is missing: a narrow question has no second one.

    Of the 84 questions, with it .905 are answered and .786 refused, without it .881 and .833.
    """

    least: float = 1e-6
    """Probability as which a smaller one counts; 1 less it bounds them above."""

    averaged: int = 8
    """Best passages whose probability is averaged."""

    passages_with_names: int = 4
    """Best passages in which a name's counterpart is looked for."""

    on_question: float = 0.12
    """Probability below which a passage is off the question: it is no evidence, however similar it is."""

    likely: float = 0.35
    """Probability below which a passage is not worth the tokens of a large model. In four briefs by hand-answered
    models 82 of the 86 passages cited are above it, and a sixth of the tokens of all passages is below."""

    likely_at_least: int = 40
    """Number of passages that a large model reads in any case: a question may be far from the documents' words."""

    cosine: float = 4.0
    """Weight of the cosine between question and passage beside the log-odds that the passage answers, where passages
    are ordered. On 14 passages each of 23 questions, labelled by hand, the mean AUC within a question rose from .775
    to .80; the cosine alone has .719, and log-odds of the reranker in its place .791."""


_PARAMETERS = AnswerabilityParameters()

_OWNER = re.compile(r"['’]s?$")
"""The ending of a possessive: "the Democrats' documents" is on the Democrats."""


Wordings = tuple[str, ...]
"""A question in one or several wordings, which :func:`read_wordings` joins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerScores:
    """The probability that a passage answers, for each passage that was read.

    ``questions`` are the question, its parts if it has several, and the aspects that a large model adds, each in its
    wordings. ``by_chunk`` has the probabilities for these, by the chunk's id.
    """

    questions: tuple[Wordings, ...]
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


def assess_answerability(
    question: str, hits: Sequence[Hit], score_answers: ScoreAnswers, embed_words: EmbedWords
) -> Answerability:
    """Return whether ``hits`` can answer ``question``.

    A question of several parts is answered if one of its parts is; the others become gaps.

    Args:
        question: the question.
        hits: best first.
        score_answers: the model that reads the question with a passage.
        embed_words: embeds the words of texts.
    """
    if not hits:
        return Answerability(enough=False, gaps=("Nothing in the corpus matches the question.",))
    parts = question_parts(question)
    posed = [(question,), *(part.wordings for part in parts if len(parts) > 1)]
    read = hits[: _PARAMETERS.read]
    texts = [answer_text(hit) for hit in read]
    found = read_wordings(score_answers, posed, texts)
    scores = AnswerScores(
        questions=tuple(posed),
        by_chunk={hit.chunk.id: tuple(column) for hit, column in zip(read, found.T.tolist(), strict=True)},
    )
    answered = [_is_answered(each[0], row, texts, embed_words) for each, row in zip(posed, found, strict=True)]
    if not any(answered):
        return Answerability(enough=False, gaps=_refusal(parts, read, found), scores=scores)
    unanswered = [part for part, done in zip(parts, answered[1:], strict=False) if not done]
    if len(unanswered) == len(parts):  # some passage answers the question as a whole, though none a part of it
        unanswered = []
    gaps = tuple(f"The passages found do not answer: {part.text}" for part in unanswered)
    return Answerability(enough=True, gaps=gaps, scores=scores)


def read_further(scores: AnswerScores, hits: Sequence[Hit], score_answers: ScoreAnswers) -> AnswerScores:
    """Return ``scores`` with those of further ``hits``, for a question that is answered.

    In 13 collections labelled by hand, a passage of the ranks 15 to 40 has .30 sentences that answer, and one of the
    ranks 1 to 14, which are read to decide, .95: of the sentences that answer 40 % stand in the former.

    Args:
        scores: of the hits that were read to decide.
        hits: those to read; what has a score is not read again.
        score_answers: the model that reads the question with a passage.
    """
    unread = [hit for hit in hits if hit.chunk.id not in scores.by_chunk]
    if not unread:
        return scores
    found = read_wordings(score_answers, scores.questions, [answer_text(hit) for hit in unread])
    further = {hit.chunk.id: tuple(column) for hit, column in zip(unread, found.T.tolist(), strict=True)}
    return replace(scores, by_chunk={**scores.by_chunk, **further})


def read_wordings(
    score_answers: ScoreAnswers, questions: Sequence[Wordings], texts: Sequence[str]
) -> NDArray[np.float32]:
    """Return the probability that a text answers a question (questions × texts); a question has a wording at least.

    Of a question in several wordings it is that of their mean log-odds. A part that takes its subject from the first
    one ("the attempt to build a canal fail: who succeeded?") is answered in the model's eyes by what answers the first
    one; in its own words alone it may lack its subject. On the four collections held out, the AUC of passages that
    answer such a part in full against those that answer only the first part is .77 with the subject, .87 without it and
    .84 with both (19 and 55 passages), within a question .77, .81 and .83 (20 questions), and of the best passage of
    answered parts against that of the others .82, .87 and .90 (16 and 25 parts): see ``eval/training/answers``.
    """
    found = score_answers([wording for each in questions for wording in each], texts)
    if len(found) == len(questions):
        return found
    ends = np.cumsum([len(each) for each in questions])
    rows = [
        own[0] if len(own) == 1 else from_log_odds(log_odds(own, least=_PARAMETERS.least).mean(axis=0))
        for own in np.split(found, ends[:-1])
    ]
    return np.stack(rows).astype(np.float32)


def _is_answered(
    question: str, probabilities: NDArray[np.float32], texts: Sequence[str], embed_words: EmbedWords
) -> bool:
    """Return whether a question is answered, from the ``probabilities`` that each of ``texts`` answers it."""
    order = np.argsort(-probabilities)
    best = float(probabilities[order[0]])
    several = float(probabilities[order[: _PARAMETERS.averaged]].mean())
    near = [texts[int(at)] for at in order[: _PARAMETERS.passages_with_names]]
    missing = missing_names(question, near, texts, embed_words)
    total = (
        _PARAMETERS.best * log_odds(best, least=_PARAMETERS.least)
        + _PARAMETERS.several * log_odds(several, least=_PARAMETERS.least)
        + _PARAMETERS.missing * missing
        + _PARAMETERS.intercept
    )
    return bool(total >= 0) or (best >= _PARAMETERS.enough_alone and not missing)


def missing_names(question: str, best: Sequence[str], texts: Sequence[str], embed_words: EmbedWords) -> float:
    """Return the number of names in ``question``, words with a capital, that the passages do not have.

    A name is there if any of ``texts`` has it, since a comparison needs several passages, and an abbreviation if names
    of the ``best`` ones have its initials. Another one counts 1 less the cosine of the word of ``best`` nearest to it,
    so that a name in another spelling hardly counts.
    """
    stems = {stem(_OWNER.sub("", word.lower())) for text in texts for word in words_of(text)}
    initials = "".join(word[0] for text in best for word in words_of(text) if word[0].isupper())
    absent = [
        term
        for term in query_terms(question)
        if term[0].isupper()
        and stem(_OWNER.sub("", term.lower())) not in stems
        and not (term.isupper() and len(term) > 1 and term in initials)
    ]
    if not absent:
        return 0.0
    (words, vectors), *passages = embed_words([question, *best])
    places = {word: at for at, word in enumerate(words)}
    of_passages = [found for _, found in passages if len(found)]
    missing = 0.0
    for term in absent:
        at = places.get(term.lower())
        cosines = [] if at is None else [float((found @ vectors[at]).max()) for found in of_passages]
        missing += 1 - max([0.0, *cosines])
    return missing


def answer_text(hit: Hit) -> str:
    """Return the passage of ``hit`` as the model reads it, with title and headings in a line above it."""
    return f"{hit.chunk.context}\n{hit.chunk.text}" if hit.chunk.context else hit.chunk.text


def order_by_answers(hits: Sequence[Hit], scores: AnswerScores, *, only_evidence: bool = True) -> list[Hit]:
    """Return ``hits`` with new ranks: those that were read by falling log-odds and cosine, then the others.

    Args:
        hits: best first.
        scores: of the hits that were read.
        only_evidence: leave out what was read and is off the question.
    """
    best = {hit.chunk.id: scores.best(hit.chunk.id) for hit in hits}
    read = [(hit, probability) for hit in hits if (probability := best[hit.chunk.id]) is not None]
    if only_evidence:
        read = [(hit, probability) for hit, probability in read if probability >= _PARAMETERS.on_question]
    read.sort(key=lambda pair: -(log_odds(pair[1], least=_PARAMETERS.least) + _PARAMETERS.cosine * pair[0].cosine))
    unread = [hit for hit in hits if best[hit.chunk.id] is None]
    return [replace(hit, rank=rank) for rank, hit in enumerate([*(hit for hit, _ in read), *unread], 1)]


def likely_answers(hits: Sequence[Hit], scores: AnswerScores, kept: Collection[str] = ()) -> list[Hit]:
    """Return ``hits`` without those that were read and hardly answer, except the first ones and those in ``kept``."""
    probabilities = [scores.best(hit.chunk.id) for hit in hits]
    return [
        hit
        for at, (hit, probability) in enumerate(zip(hits, probabilities, strict=True))
        if at < _PARAMETERS.likely_at_least
        or probability is None
        or probability >= _PARAMETERS.likely
        or hit.chunk.id in kept
    ]


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
