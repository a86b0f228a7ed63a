"""The summary of a small model: it answers from whole passages, and evidence takes the place of what is uncertain.

The model finds what answers better than it words it. Of 121 sentences of the packaged model on 46 questions, labelled
blind, .35 answer, but .26 mislead, and their passage states .62 of them in full. Of the sentences of the same passages
that are nearest to them .44 answer and .01 mislead; of those that the outline rates best .23 answer. With an earlier
wording of the prompt, which the model repeated in place of an answer in 3 of 60 replies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from rag.llm.prompts import Prompt
from rag.types import Chunk
from rag.verify import Verifier
from rag.writing.additions import addition_to_source
from rag.writing.drafts import Draft
from rag.writing.model_calls import clean_sentences
from rag.writing.reply_schemas import list_of, strict_schema
from rag.writing.small_prompts import numbered_passages
from rag.writing.standalone import opens_with_reference

if TYPE_CHECKING:
    from rag.llm.chat_model import ChatModel

PASSAGE_TOKENS = 1200
"""Tokens of passages that the model reads: about 20 seconds of two cores."""

MAX_SUMMARY_TOKENS = 400
"""Length limit of the reply; of 46 replies 2 were longer than 300 tokens."""

MAX_SUMMARY_SENTENCES = 4
"""Most sentences of the reply."""


MIN_SCORE = 0.72
"""Score of the verifier below which evidence takes the place of a sentence.

Of 88 sentences printed with it, evidence among them, 2 are not fully stated, and 9 of 95 with 0.6 (45 questions on ten
collections, the same on which it was chosen)."""

NAMED_BONUS = 0.05
"""Bonus of the passage that the model names for a sentence, beside the verifier's scores of the passages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryWriter:
    """Writes the summary of a brief with a small model from ``passages``, best first."""

    model: ChatModel
    question: str
    prompt: Prompt
    passages: Sequence[Chunk]
    verifier: Verifier

    def drafts(self) -> tuple[Draft, ...]:
        """Return the sentences of one reply, each on the passage that states it best; uncertain ones have a fault.

        Raises:
            ReplyError: the reply is unusable.
            ModelError: the model could not be reached.
        """
        system, user = self.prompt.render(question=self.question, passages=numbered_passages(self.passages))
        schema = summary_schema(len(self.passages))
        reply: Any = self.model.ask(system, user, schema, max_tokens=MAX_SUMMARY_TOKENS, name=self.prompt.name)
        written = [(text, item.passage - 1) for item in reply.sentences for text in clean_sentences(item.text)]
        return tuple(self._attributed(written))

    def _attributed(self, written: Sequence[tuple[str, int]]) -> list[Draft]:
        """Return a draft for each text and the place of the passage that the model names for it."""
        if not written:
            return []
        judge = self.verifier.citation_judge
        verdicts = iter(judge.verify([(text, (passage,)) for text, _ in written for passage in self.passages]))
        drafts = []
        for text, named in written:
            scores = [next(verdicts).score for _ in self.passages]
            best = max(range(len(scores)), key=lambda at: scores[at] + NAMED_BONUS * (at == named))
            draft = Draft(text=text, chunks=(self.passages[best],), evidence=())
            drafts.append(replace(draft, fault=self._fault(draft, scores[best])))
        return drafts

    def _fault(self, draft: Draft, score: float) -> str | None:
        [passage] = draft.chunks
        if opens_with_reference(draft.text):
            return "opens with a reference"
        context = f"{passage.context}\n{self.question}"
        if addition := addition_to_source(draft.text, context, passage.text):
            return addition
        return None if score >= MIN_SCORE else "its passage may not state all of it"


def summary_schema(passages: int) -> Any:
    """Return the schema of a reply whose sentences name passages with the numbers 1 to ``passages``."""
    item = strict_schema("SummaryItem", text=(str, ...), passage=(Literal[tuple(range(1, passages + 1))], ...))
    return strict_schema("WrittenSummary", sentences=(list_of(item, 1, MAX_SUMMARY_SENTENCES), ...))
