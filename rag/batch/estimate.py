"""What a batch would cost, told beforehand and without asking the model anything.

A sample of the questions is retrieved and planned for real, and the very prompts that would be sent are rendered and
counted, with the packaged encoder's tokenizer. Replies are taken to be as long as the quotes that they replace. Not
counted are calls that are repeated, and rewrites of sentences that fail their check; ``most`` is the cost if every
reply is as long as it may be and every rewrite is used.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from rag.embedding.encoder import count_tokens
from rag.llm import ChatModel, ModelChoice, rates_of
from rag.render.wording import count
from rag.types import Question
from rag.writing.compose import closing_evidence
from rag.writing.outline import Outline
from rag.writing.repair import REWRITES, quoted
from rag.writing.session import Session, writer_for
from rag.writing.writers import Draft

if TYPE_CHECKING:
    from pydantic import BaseModel

    from rag.config import Settings
    from rag.types import Hit
    from rag.writing.evidence import EvidenceSentence

    ReplyT = TypeVar("ReplyT", bound=BaseModel)

SAMPLE = 20
"""Questions that are planned, spread over all of them; a second or two each."""

PROSE, JSON = 1.08, 0.7
"""Tokens of a GPT model for one of MiniLM, whose tokenizer needs no download: measured with o200k_base on 26 texts of
the corpus and the prompts (0.92 to 1.14), and on the schemas of replies."""

AROUND = 20
"""Tokens of JSON around one sentence of a reply: its key, its citations, quotes and brackets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """For all ``questions`` to be asked, from ``sample`` of them: calls, tokens, US dollars (None: unknown price)."""

    model: str
    questions: int
    sample: int
    calls: int
    prompt: int
    completion: int
    cost: float | None
    most: float | None

    def as_json(self) -> str:
        """The fields as one object, with how they were come by."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({**fields, "how": self.how}, ensure_ascii=False)

    def as_text(self) -> str:
        """The same for a person."""
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
        """In a sentence or two, for whoever has to trust it."""
        return (
            f"Planned {self.sample:,} of {count(self.questions, 'question')} and counted the prompts that would be "
            f"sent, with MiniLM's tokenizer times {PROSE:g}; replies as long as the quotes that they "
            "replace; nothing cached. At the most: every reply as long as allowed, every rewrite used."
        )


def estimate(
    questions: Sequence[Question], settings: Settings, choice: ModelChoice, sample: int = SAMPLE
) -> CostEstimate:
    """What asking ``questions`` would take.

    Raises:
        IndexMissing, IndexMismatch, UsageError: it could not be done at all.
    """
    step = max(1.0, len(questions) / sample)
    drawn = [questions[int(i * step)] for i in range(min(sample, len(questions)))]
    sketch = DryRunModel(choice)
    if choice.kind != "extractive":
        with Session(settings) as session:
            for question in drawn:
                hits, planned = session.plan(question)
                if planned.sections:
                    sketch.write(question.text, hits, planned)
    times = len(questions) / max(1, len(drawn))
    sums = {name: round(times * value) for name, value in sketch.tokens.items()}
    least, most = sketch.tokens, sketch.most
    known = rates_of(choice, settings)
    return CostEstimate(
        model=choice.name,
        questions=len(questions),
        sample=len(drawn),
        calls=sums.get("calls", 0),
        prompt=sums.get("prompt", 0),
        completion=sums.get("completion", 0),
        cost=round(times * known.cost(least), 6) if known else None,
        most=round(times * known.cost(most), 6) if known else None,
    )


class DryRunModel(ChatModel):
    """A model in name only: it counts what it is asked, and its replies say nothing.

    ``tokens`` are what is expected, ``most`` what it could come to.
    """

    def __init__(self, choice: ModelChoice) -> None:
        self.name, self.small = choice.name, choice.kind == "local"
        self.tokens: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def write(self, question: str, hits: Sequence[Hit], planned: Outline) -> None:
        """Be asked all that a brief on ``planned`` asks."""
        writer = writer_for(self, question, hits)
        headings = [section.heading for section in planned.sections]
        for section in planned.sections:
            with_replies = self.tokens["calls"]
            writer.section(section, [heading for heading in headings if heading != section.heading])
            self._reply(section.notes, asked=self.tokens["calls"] > with_replies)
        body = [quoted(note) for section in planned.sections for note in section.notes]
        for part, notes in zip(("summary", "conclusion"), closing_evidence(planned), strict=True):
            if notes:
                before = self.tokens["calls"]
                writer.closing("summary" if part == "summary" else "conclusion", notes, body)
                self._reply(notes, asked=self.tokens["calls"] > before)
        rewritten = max(
            ((n for s in planned.sections for n in s.notes)), key=lambda note: len(note.chunk.text), default=None
        )
        if rewritten is not None:
            kept = Counter(self.tokens)
            for _ in range(REWRITES):
                writer.rewrite(Draft(text=rewritten.text, chunks=(rewritten.chunk,), notes=(rewritten,)), "unsupported")
            self.tokens = kept

    def ask(
        self, system: str, user: str, schema: type[ReplyT], *, max_tokens: int, name: str, config: Any = None
    ) -> ReplyT:
        """Count, and reply with nothing."""
        prompt = _tokens(f"{system}\n{user}")
        if not self.small:  # a remote model is sent the schema and charges for it
            prompt += _tokens(json.dumps(schema.model_json_schema()), JSON)
        self.tokens.update(calls=1, prompt=prompt)
        self.most.update(calls=1, prompt=prompt, completion=max_tokens)
        nothing: dict[str, Any] = {field: [] if field == "sentences" else "" for field in schema.model_fields}
        return schema.model_construct(**nothing)

    def _reply(self, notes: Sequence[EvidenceSentence], *, asked: bool) -> None:
        if asked:
            self.tokens.update(completion=sum(AROUND + _tokens(note.text) for note in notes))


def _tokens(text: str, for_one: float = PROSE) -> int:
    return round(for_one * count_tokens(text))
