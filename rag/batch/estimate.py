"""Estimates the cost of a batch without asking the model.

Evidence is retrieved and outlined for a sample of the questions, and the prompts that would be sent are rendered and
their tokens counted, with the packaged encoder's tokenizer. Replies are taken to be as long as the evidence sentences
that they replace. Where a chat model verifies, its calls are counted too. Not counted are repeated calls, nor what a
model reasons before its replies; ``most`` is the cost if every reply, reasoning included, has its maximum length.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from rag.embedding import count_tokens
from rag.errors import ReplyError
from rag.llm import PROSE_RATIO, ModelChoice, rates_of, reasoning_effort, reply_limit, resolve_embedder
from rag.llm.reply_schema import sent_schema
from rag.render.wording import count
from rag.types import Chunk, Hit, Question
from rag.verify.chat_verifier import ChatVerifier
from rag.writing.closing import closing_evidence, divide_evidence
from rag.writing.editing import PartToEdit
from rag.writing.large_writer import LargeWriter
from rag.writing.outline import Outline
from rag.writing.queries import expand_queries
from rag.writing.session import Session
from rag.writing.small_summary import MAX_SUMMARY_SENTENCES
from rag.writing.small_writer import small_writer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from rag.config import Settings
    from rag.verify.chat_verifier import VerifyRequest
    from rag.writing.evidence import EvidenceSentence

    ReplyT = TypeVar("ReplyT", bound=BaseModel)

SAMPLE_SIZE = 20
"""Number of questions that are outlined, spread evenly over all of them; each takes a second or two."""

SCHEMA_RATIO = 0.7
"""As :data:`rag.llm.pricing.PROSE_RATIO`, but in JSON schemas: measured on those of the replies."""

CORRECTED_ONE_IN = 4
"""One in so many sentences of a large model is corrected when the model reads the whole brief."""

PASSAGES_READ, PASSAGES_CORRECTED = 25, 30
"""Passages that a large model reads in full to write a brief, besides those beside them, and to correct it."""

CHOICE_TOKENS = 180
"""Tokens of the replies with queries and with the choice of passages."""

OUTLINE_TOKENS = 200
"""Tokens of the outline in the reply that is a brief."""

HEADING_TOKENS = 20
"""Tokens of a reply that is the heading of a section."""

REPLY_ITEM_TOKENS = 20
"""Tokens of JSON for each sentence of a reply besides its text: key, citations, quotes and brackets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """Calls, tokens and US dollars for all ``questions``, extrapolated from ``sample`` of them.

    ``cost`` is the expected and ``most`` the highest cost; both are None if the price is unknown. ``remote_embedder``
    tells whether a server embeds the questions, which is not counted, and ``reasons`` whether a model reasons before it
    replies, which ``most`` alone counts.
    """

    model: str
    questions: int
    sample: int
    calls: int
    prompt: int
    completion: int
    cost: float | None
    most: float | None
    remote_embedder: bool = False
    reasons: bool = False

    def as_json(self) -> str:
        """Format the fields as one JSON object, together with ``how``."""
        fields = {name: getattr(self, name) for name in self.__slots__ if name not in ("remote_embedder", "reasons")}
        return json.dumps({**fields, "how": self.how}, ensure_ascii=False)

    def as_text(self) -> str:
        """Format the estimate as lines of text."""
        if self.cost is None or self.most is None:
            dollars = f"the price of {self.model} is not in the price table"
        else:
            dollars = f"about ${self.cost:,.4f}, at the most ${self.most:,.4f}"
        return (
            f"{count(self.questions, 'question')} to ask {self.model}: {dollars}\n"
            f"about {self.calls:,} calls, {self.prompt:,} tokens of prompts, {self.completion:,} of replies\n{self.how}"
        )

    @property
    def how(self) -> str:
        """The method and its assumptions."""
        return (
            f"Outlined {self.sample:,} of {count(self.questions, 'question')} and counted the prompts that would be "
            f"sent, with MiniLM's tokenizer times {PROSE_RATIO:g}; replies as long as the quotes that they "
            "replace; nothing cached. At the most: every reply as long as allowed."
            + (" What the model reasons before a reply is counted at the most only." if self.reasons else "")
            + (" Not counted: embedding the questions, a few tokens each." if self.remote_embedder else "")
        )


def estimate_cost(
    questions: Sequence[Question], settings: Settings, choice: ModelChoice, sample_size: int = SAMPLE_SIZE
) -> CostEstimate:
    """Estimate what answering ``questions`` would cost.

    Raises:
        IndexMissing, IndexMismatch, UsageError: the questions could not be answered at all.
    """
    step = max(1.0, len(questions) / sample_size)
    sample = [questions[int(i * step)] for i in range(min(sample_size, len(questions)))]
    model = DryRunModel(choice)
    models = {choice.spec: (model, rates_of(choice, settings))}
    if choice.kind != "extractive":
        with Session(settings) as session:
            verifier, judge = session.verifier, None
            if verifier is not None and (own := verifier.model) is not None:
                judge, _ = models.setdefault(own.spec, (DryRunModel(own), rates_of(own, settings)))
            for question in sample:
                if model.small:
                    hits, outline = session.outline(question)
                    if outline.sections:
                        passages = _write_small_dry(model, question.text, hits, outline)
                        if judge is not None and verifier is not None and verifier.kind == "llm":
                            _attribute_dry(judge, outline, passages)
                else:
                    outline, writer = session.outline_and_writer(question, model)
                    if outline.sections:
                        expand_queries(model, question.text)
                        _write_large_dry(model, writer, outline, question.sections or settings.sections)
                if judge is not None:
                    _verify_dry(judge, outline, small=model.small)
    factor = len(questions) / max(1, len(sample))
    totals: Counter[str] = Counter()
    cost, most = 0.0, 0.0
    for each, rates in models.values():
        totals.update(each.tokens)
        cost += rates.cost(each.tokens) if rates else math.nan
        most += rates.cost(each.most) if rates else math.nan
    return CostEstimate(
        model=choice.name,
        questions=len(questions),
        sample=len(sample),
        calls=round(factor * totals["calls"]),
        prompt=round(factor * totals["prompt"]),
        completion=round(factor * totals["completion"]),
        cost=None if math.isnan(cost) else round(factor * cost, 6),
        most=None if math.isnan(most) else round(factor * most, 6),
        remote_embedder=resolve_embedder(settings) is not None,
        reasons=any(each.tokens["calls"] and reasoning_effort(each.name) for each, _ in models.values()),
    )


class DryRunModel:
    """A :class:`rag.llm.chat_model.ChatModel` that counts tokens, sends nothing, and replies with empty fields.

    ``tokens`` are the expected counts, without completion tokens, which depend on the evidence; ``most`` are the
    highest.
    """

    def __init__(self, choice: ModelChoice) -> None:
        self.name = choice.name
        self.small = choice.kind == "local"
        self.tokens: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def ask(
        self,
        system: str,
        user: str,
        schema: type[ReplyT],
        *,
        max_tokens: int,
        name: str,
    ) -> ReplyT:
        """Count the call, and return a reply with empty fields."""
        prompt = self._prompt_tokens(system, user, schema)
        self.tokens.update(calls=1, prompt=prompt)
        self.most.update(calls=1, prompt=prompt, completion=reply_limit(self.name, max_tokens))
        empty: dict[str, Any] = {
            name: "" if field.annotation is str else [] for name, field in schema.model_fields.items()
        }
        return schema.model_construct(**empty)

    def count(self, requests: Sequence[VerifyRequest]) -> Counter[str]:
        """Return the calls, prompt tokens and longest replies of ``requests``, without adding them to the totals."""
        return Counter(
            calls=len(requests),
            prompt=sum(self._prompt_tokens(each.system, each.user, each.schema) for each in requests),
            completion=sum(reply_limit(self.name, each.max_tokens) for each in requests),
        )

    def _prompt_tokens(self, system: str, user: str, schema: type[BaseModel]) -> int:
        prompt = _tokens(f"{system}\n{user}", PROSE_RATIO)
        if not self.small:  # a remote model receives the schema and charges for it
            prompt += _tokens(json.dumps(sent_schema(schema)), SCHEMA_RATIO)
        return prompt


def _write_small_dry(model: DryRunModel, question: str, hits: Sequence[Hit], outline: Outline) -> Sequence[Chunk]:
    """Let the writer of a small model write the brief of ``outline``, and count the replies it would get.

    Returns:
        The passages that it reads for the summary.
    """
    writer = small_writer(model, question, hits, ChatVerifier(model=model))
    divided = divide_evidence(outline)
    sections = divided.sections
    writer.summary()
    model.tokens.update(completion=_reply_tokens(divided.summary))
    headings = [section.heading for section in sections]
    for section in sections:
        writer.heading(section, [heading for heading in headings if heading != section.heading])
        model.tokens.update(completion=HEADING_TOKENS)
    return writer.summary_writer.passages


def _write_large_dry(model: DryRunModel, writer: LargeWriter, outline: Outline, sections: int) -> None:
    """Let the writer of a large model write a brief, and count the replies it would get.

    The sections of ``outline`` stand for the brief that is corrected; the best passages of the evidence, as many as are
    chosen and found, stand for what writer and editor read.
    """
    evidence = [sentence for section in outline.sections for sentence in section.evidence]
    writer.select(())
    with suppress(ReplyError):  # the empty reply
        writer.brief(writer.evidence[:PASSAGES_READ], (), sections)
    parts = [
        PartToEdit(kind="section", name=each.heading, entries=tuple(one.as_sentence() for one in each.evidence))
        for each in outline.sections
    ]
    writer.edit(parts, (), writer.evidence[:PASSAGES_CORRECTED])
    summary, conclusion = closing_evidence(outline)
    corrected = evidence[::CORRECTED_ONE_IN]
    short = CHOICE_TOKENS + OUTLINE_TOKENS
    model.tokens.update(completion=short + _reply_tokens([*evidence, *corrected, *summary, *conclusion]))


def _verify_dry(judge: DryRunModel, outline: Outline, *, small: bool) -> None:
    """Count the calls that verify the brief of ``outline``, and what a large model corrected of it.

    The calls for its evidence sentences stand for those for what the writer makes of them: one batch for the brief, and
    one for its corrections. Of a ``small`` model only the summary is verified. With ``support+llm`` all sentences are
    put to the model, too: of 60 that a strong writer wrote for the sections of three briefs, the packaged verifier was
    certain of none.
    """
    summary, conclusion = closing_evidence(outline)
    body = [sentence for section in outline.sections for sentence in section.evidence]
    corrected = body[::CORRECTED_ONE_IN]
    for evidence in [summary[:MAX_SUMMARY_SENTENCES]] if small else ([*body, *summary, *conclusion], corrected):
        _judge_dry(judge, [(sentence.text, sentence.chunk) for sentence in evidence])


def _attribute_dry(judge: DryRunModel, outline: Outline, passages: Sequence[Chunk]) -> None:
    """Count the calls that find the passages of a small model's summary; quotes stand for its sentences."""
    summary, _ = closing_evidence(outline)
    _judge_dry(judge, [(each.text, passage) for each in summary[:MAX_SUMMARY_SENTENCES] for passage in passages])


def _judge_dry(judge: DryRunModel, pairs: Sequence[tuple[str, Chunk]]) -> None:
    calls = judge.count(ChatVerifier(model=judge).requests([(text, (chunk,)) for text, chunk in pairs]))
    judge.tokens.update(calls=calls["calls"], prompt=calls["prompt"])
    judge.most.update(calls)
    # A verdict is as long as the JSON around it and, at times, a clause of the sentence.
    judge.tokens.update(completion=sum(REPLY_ITEM_TOKENS + _tokens(text, PROSE_RATIO) for text, _ in pairs) // 2)


def _reply_tokens(evidence: Sequence[EvidenceSentence]) -> int:
    return sum(REPLY_ITEM_TOKENS + _tokens(sentence.text, PROSE_RATIO) for sentence in evidence)


def _tokens(text: str, ratio: float) -> int:
    return round(ratio * count_tokens(text))
