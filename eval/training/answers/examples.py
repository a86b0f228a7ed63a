"""Packs to train on: a passage, or a sentence of one, with questions that it answers, in part or not.

Of a sentence it is asked, too, whether it can be understood under its title alone
(:data:`rag.verify.answers.model.STANDALONE_QUESTION`).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..verifier.examples import read_rows, with_heading
from ..verifier.packing import TrainingPack, best_window
from ..verifier.prose import HELD_OUT_DOMAINS, Passage, read_passages

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LABELS = {"full": 1.0, "part": 0.5, "no": 0.0}
"""Target of the probability that a passage answers, by the word for it in ``questions.jsonl``."""

MAX_EVIDENCE, MAX_QUESTION = 320, 64
"""Tokens that are read."""

FOREIGN = 2
"""Questions on other passages that a passage is given with; it does not answer them."""

NEAREST = 12
"""Foreign questions are drawn from this many with the highest cosine to the passage."""

SENTENCE_LABELS = {"full": 1.0, "part": 0.8, "no": 0.0}
"""Target for a sentence on which the answer rests, by the label of the question with the whole passage."""

OTHER_SENTENCES = 1
"""Sentences of a passage on which no answer rests, for each one on which an answer does."""


USE_LABELS = {"D": 1.0, "A": 0.85, "C": 0.35, "B": 0.0, "M": 0.0}
"""Target for a unit of a retrieved passage by its use in a brief: direct answer, part of an answer, context, beside the
question, misleading."""

PASSAGE_LABELS = {"f": 1.0, "p": 0.5, "n": 0.0}
"""Target for a retrieved passage: it answers in full, in part or not."""

ANSWERS_A_PART, STATES_SOMETHING = 0.6, 0.4
"""Target for a question of several parts where a passage answers one in full, and where it answers one in part."""

QUESTIONS_OF_A_PACK = 10
"""Questions that are asked of a retrieved passage in one pack, at the most."""

STANDALONE_LABELS = {"yes": 1.0, "fix": 0.6, "no": 0.0}
"""Target for a text by whether it can be understood alone; ``fix``: after a small change."""

HELD_OUT_STANDALONE = frozenset({"rust", "wiki+news"})
"""Sources of ``standalone/sentences.jsonl`` that are not trained on."""

HELD_OUT_COLLECTIONS = frozenset({"rustblog", "mueller", "18f", "scrapy", "rfcs"})
"""Collections of labelled units and passages that are not trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedQuestion:
    """A question and the passage that it was written on; ``label`` is a key of :data:`LABELS`.

    ``rests_on`` are the numbers, from 1, of the passage's sentences on which the answer rests.
    """

    id: str
    text: str
    passage: str
    label: str
    rests_on: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledUnit:
    """A sentence, list or table row under its ``title``, alone or after those before it in its passage.

    ``use`` for ``question`` is None if there is no question, and ``alone`` if it is not known whether the text can be
    understood. They are keys of :data:`USE_LABELS` and :data:`STANDALONE_LABELS`.
    """

    source: str
    title: str
    text: str
    alone: str | None
    question: str | None = None
    use: str | None = None

    @property
    def held_out(self) -> bool:
        """Whether nothing is trained on this unit."""
        return self.source in (HELD_OUT_STANDALONE if self.question is None else HELD_OUT_COLLECTIONS)


ALONE_BY_NEEDS = {"0": "yes", "f": "fix"}
"""The key of :data:`STANDALONE_LABELS` by what a unit needs, "no" for all else.

``f`` (fix) and ``n`` (no) were labelled without a number; ``x`` is never understood.
"""

UNKNOWN_NEEDS = "u"
"""What stands for the needs of units of public data sets, which were labelled for their use alone."""


def with_extensions(row: Mapping[str, Any]) -> list[LabelledUnit]:
    """Return the examples of a labelled unit: alone, and after as many units as it needs and each smaller number.

    One that can stand alone is an example also after the unit before it, which then decides. A unit that is beside the
    question is an example alone.
    """
    needs, before = row["needs"], row["before"]
    common = {"source": row["collection"], "title": row["context"], "question": row["question"], "use": row["use"]}

    def example(count: int, alone: str | None) -> LabelledUnit:
        text = " ".join([*before[len(before) - count :], row["text"]])
        return LabelledUnit(text=text, alone=alone, **common)

    found = [example(0, None if needs == UNKNOWN_NEEDS else ALONE_BY_NEEDS.get(needs, "no"))]
    if row["use"] in "BM":  # they are many, and the product reads few of them with their antecedents
        return found
    if needs == "0" and before and row["previous_needs"]:
        found.append(example(1, ALONE_BY_NEEDS.get(row["previous_needs"], "no")))
    if needs in "123":
        counts = range(1, min(int(needs), len(before)) + 1)
        found += [example(count, "yes" if count == int(needs) else "no") for count in counts]
    return found


def read_units(data: Path, labelled: Path | None) -> list[LabelledUnit]:
    """Return the sentences of DATA/standalone, and the units of the file ``labelled``: see README.md."""
    sentences = read_rows(data / "standalone" / "sentences.jsonl")
    units = [
        LabelledUnit(source=row["source"], title=row["title"], text=row["sentence"], alone=row["label"])
        for row in sentences
    ]
    for row in read_rows(labelled) if labelled else ():
        units += with_extensions(row)
    return units


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievedPassage:
    """A passage with its title and headings, and questions with the target of the probability that it answers."""

    source: str
    text: str
    questions: Mapping[str, float]

    @property
    def held_out(self) -> bool:
        """Whether nothing is trained on this passage."""
        return self.source in HELD_OUT_COLLECTIONS


def read_passages_of(path: Path) -> list[RetrievedPassage]:
    """Return the passages of a file that ``passages.py`` or ``public.py`` printed, each with all questions on it.

    A question of several parts, which are labelled one by one, is itself one of the questions.
    """
    by_text: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in read_rows(path):
        questions = by_text[row["collection"], row["text"]]
        questions |= {asked: PASSAGE_LABELS[label] for asked, label in zip(row["asked"], row["labels"], strict=True)}
        if len(row["asked"]) > 1 and row.get("question"):
            questions[row["question"]] = _whole(row["labels"])
    return [
        RetrievedPassage(source=source, text=text, questions=questions) for (source, text), questions in by_text.items()
    ]


def _whole(labels: str) -> float:
    """Return the target for a question of which the parts have these labels."""
    if set(labels) == {"f"}:
        return PASSAGE_LABELS["f"]
    return ANSWERS_A_PART if "f" in labels else STATES_SOMETHING if "p" in labels else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionData:
    """Passages by id, and questions on them."""

    passages: Mapping[str, Passage]
    questions: Sequence[AskedQuestion]

    def split(self, *, held_out: bool) -> QuestionData:
        """Return the part whose domains are held out, or the other part."""
        kept = {id_: each for id_, each in self.passages.items() if (each.domain in HELD_OUT_DOMAINS) == held_out}
        return QuestionData(passages=kept, questions=[each for each in self.questions if each.passage in kept])


def read_question_data(data: Path) -> QuestionData:
    """Return all passages of DATA/prose and all questions of DATA/questions."""
    rows = read_rows(data / "questions" / "questions.jsonl")
    return QuestionData(
        passages=read_passages(data / "prose"),
        questions=[
            AskedQuestion(
                id=row["id"],
                text=row["question"],
                passage=row["passage"],
                label=row["answers"],
                rests_on=frozenset(row["by"]),
            )
            for row in rows
        ],
    )


def near_questions(data: QuestionData) -> dict[str, list[AskedQuestion]]:
    """Return for each passage the questions on passages of other titles that are nearest to it, by id.

    Only questions that their own passage answers are taken: a question gives no sign of its label then.
    """
    from rag.embedding import load_encoder

    asked = [each for each in data.questions if each.label == "full"]
    ids = list(data.passages)
    of_passages = load_encoder().vectors([data.passages[id_].text() for id_ in ids])
    of_questions = load_encoder().vectors([each.text for each in asked])
    titles = np.array([data.passages[each.passage].title for each in asked])
    found = {}
    for id_, cosines in zip(ids, of_passages @ of_questions.T, strict=True):
        order = np.argsort(-np.where(titles == data.passages[id_].title, -1.0, cosines))
        found[id_] = [asked[int(at)] for at in order[:NEAREST]]
    return found


class Packs:
    """Makes packs of token ids: one passage, then questions on it.

    Args:
        tokenizer: of the base model.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def pack(self, passage: Passage, questions: Sequence[tuple[str, float]], *, twins: bool = False) -> TrainingPack:
        """Return a pack of ``passage`` with questions and their labels.

        ``twins``: the second question is a near miss of the first one.
        """
        return self._pack(passage.text(), questions, twins=twins)

    def _pack(self, text: str, questions: Sequence[tuple[str, float]], *, twins: bool = False) -> TrainingPack:
        from rag.verify.support.network import Pack

        ids = [self._ids(question)[:MAX_QUESTION] for question, _ in questions]
        return TrainingPack(
            pack=Pack(best_window(self._ids(text), ids, MAX_EVIDENCE), ids),
            labels=tuple(label for _, label in questions),
            has_twin=tuple(twins and at == 0 for at in range(len(questions))),
            token_labels=(None,) * len(questions),
        )

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def training(self, data: QuestionData, seed: int) -> list[TrainingPack]:
        """Return a pack for each passage: its questions, and some of the nearest ones on other passages."""
        own: defaultdict[str, list[AskedQuestion]] = defaultdict(list)
        for each in data.questions:
            own[each.passage].append(each)
        near = near_questions(data)
        rng = random.Random(seed)
        packs = []
        for id_, asked in own.items():
            ordered = sorted(asked, key=lambda each: ("full", "no", "part").index(each.label))
            labelled = [(each.text, LABELS[each.label]) for each in ordered]
            labelled += [(each.text, 0.0) for each in rng.sample(near[id_], FOREIGN)]
            twins = [each.label for each in ordered[:2]] == ["full", "no"]
            packs.append(self.pack(data.passages[id_], labelled, twins=twins))
        return packs

    def sentences(self, data: QuestionData, seed: int) -> list[TrainingPack]:
        """Return packs of one sentence under its title: those on which answers rest, and others of the passage.

        Each has all questions that were written on the passage, since a sentence that answers one mostly does not
        answer the others.
        """
        own: defaultdict[str, list[AskedQuestion]] = defaultdict(list)
        for each in data.questions:
            own[each.passage].append(each)
        rng = random.Random(seed)
        packs = []
        for id_, asked in own.items():
            passage = data.passages[id_]
            used = sorted({number for each in asked for number in each.rests_on})
            others = [number for number in range(1, len(passage.sentences) + 1) if number not in used]
            chosen = [*used, *rng.sample(others, min(len(others), OTHER_SENTENCES * len(used)))]
            for number in chosen:
                labelled = [
                    (each.text, SENTENCE_LABELS[each.label] if number in each.rests_on else 0.0) for each in asked
                ]
                packs.append(self._pack(with_heading(passage.title, passage.sentences[number - 1]), labelled))
        return packs

    def retrieved(self, passages: Sequence[RetrievedPassage], seed: int) -> list[TrainingPack]:
        """Return packs of each of ``passages`` with its questions, in the order of chance."""
        rng = random.Random(seed)
        packs: list[TrainingPack] = []
        for each in passages:
            asked = rng.sample(sorted(each.questions.items()), len(each.questions))
            starts = range(0, len(asked), QUESTIONS_OF_A_PACK)
            packs += [self._pack(each.text, asked[at : at + QUESTIONS_OF_A_PACK]) for at in starts]
        return packs

    def units(self, units: Sequence[LabelledUnit]) -> list[TrainingPack]:
        """Return a pack for each of ``units``: its question, if it has one, and whether it can stand alone."""
        from rag.verify.answers.model import STANDALONE_QUESTION

        packs = []
        for each in units:
            labelled = [] if each.alone is None else [(STANDALONE_QUESTION, STANDALONE_LABELS[each.alone])]
            if each.question is not None and each.use is not None:
                labelled.append((each.question, USE_LABELS[each.use]))
            packs.append(self._pack(with_heading(each.title, each.text), labelled))
        return packs
