"""Shorten the passages of low rank for a large model to their sentences nearest to the question.

The model chooses from all evidence what it reads in full. What it needs of a passage for that is what the passage says
on the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.ingest.header import opens_with_fields
from rag.text import bullet_depth, split_sentences
from rag.types import Chunk
from rag.writing.evidence_budget import EstimateTokens
from rag.writing.rating import Embed

LEFT_OUT = " […] "
"""Stands for the words that a shortened passage leaves out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShorteningRule:
    """Which passages are shortened, and how far. All lengths are in tokens."""

    in_full: int = 2800
    """The best passages stay as they are, up to this length in all."""

    length: int = 100
    """Length up to which sentences are taken into a shortened passage; the best one is taken in any case.

    Of 164 retrieved passages with labelled units that answer or give context (``eval/training/answers``), such a unit
    is shown of .97 with 100 tokens, and .69 of all such units are; with 70 tokens .95 and .53. Six writers by hand were
    misled by what was left out of a passage at 70.
    """

    distance: float = 0.25
    """A sentence whose cosine to the question is this much below that of the passage's best one is left out."""

    margin: int = 30
    """A passage stays as it is if it is longer than ``length`` by less than this."""


DEFAULT_SHORTENING_RULE = ShorteningRule()


def shortened_texts(
    chunks: Sequence[Chunk],
    questions: Sequence[str],
    embed: Embed,
    count_tokens: EstimateTokens,
    rule: ShorteningRule = DEFAULT_SHORTENING_RULE,
) -> dict[str, str]:
    """Return the texts of the passages that are shortened, by chunk id.

    Args:
        chunks: the passages, best first.
        questions: the question and its aspects. A sentence counts as its nearest of them says.
        embed: embeds texts.
        count_tokens: estimates the tokens of a text.
        rule: which passages are shortened.
    """
    left = float(rule.in_full)
    pieces: dict[str, list[str]] = {}
    opens_line: dict[str, list[bool]] = {}
    for chunk in chunks:
        tokens = count_tokens(chunk.text)
        # The status, author or date of a document is near to no question, and answers many.
        is_header = chunk.start == 0 and opens_with_fields(chunk.text)
        if tokens > rule.length + rule.margin and tokens > left and not is_header:
            pieces[chunk.id], opens_line[chunk.id] = _pieces(chunk.text)
        left -= tokens
    pieces = {chunk_id: own for chunk_id, own in pieces.items() if len(own) > 1}
    items = {chunk.id: chunk.items[-1] for chunk in chunks if chunk.items and chunk.id in pieces}
    texts = list(dict.fromkeys([*(piece for own in pieces.values() for piece in own), *items.values()]))
    if not texts:
        return {}
    vectors = embed([*questions, *texts])
    nearness = dict(zip(texts, (vectors[len(questions) :] @ vectors[: len(questions)].T).max(axis=1), strict=True))
    found = {}
    for chunk_id, own in pieces.items():
        above = float(nearness[items[chunk_id]]) if chunk_id in items else -1.0
        raised = _with_nested(own, [float(nearness[piece]) for piece in own], above)
        found[chunk_id] = _joined(own, opens_line[chunk_id], _chosen(own, raised, count_tokens, rule))
    return found


def _pieces(text: str) -> tuple[list[str], list[bool]]:
    """Return the sentences and list items of ``text``, and whether each opens a line."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    found = [(line[start:end], start == 0) for line in lines for start, end in split_sentences(line)]
    return [piece for piece, _ in found], [opens_line for _, opens_line in found]


def _with_nested(pieces: Sequence[str], nearness: Sequence[float], above: float) -> list[float]:
    """Return the nearness of each piece, an item's not below that of its own item or of those directly within it.

    An agenda names a subject and has below it what was decided, in words that are not the question's. ``above`` is the
    nearness of the item that the first pieces are nested in, though it is not among them.
    """
    found = list(nearness)
    outer: list[int] = []  # the items that the piece stands in, from the outermost
    for at, piece in enumerate(pieces):
        depth = bullet_depth(piece)
        if not depth:
            continue
        outer = [item for item in outer if bullet_depth(pieces[item]) < depth]
        if outer:
            found[at] = max(found[at], nearness[outer[-1]])
            found[outer[-1]] = max(found[outer[-1]], nearness[at])
        elif depth > 1:
            found[at] = max(found[at], above)
        outer.append(at)
    return found


def _chosen(
    pieces: Sequence[str], nearness: Sequence[float], count_tokens: EstimateTokens, rule: ShorteningRule
) -> list[int]:
    """Return the positions of the nearest pieces that fit the length and are not far behind the best, in order."""
    chosen: list[int] = []
    left = float(rule.length)
    for at in sorted(range(len(pieces)), key=lambda at: -nearness[at]):
        tokens = count_tokens(pieces[at])
        if not chosen or (tokens <= left and nearness[at] >= max(nearness) - rule.distance):
            chosen.append(at)
            left -= tokens
    return sorted(chosen)


def _joined(pieces: Sequence[str], opens_line: Sequence[bool], chosen: Sequence[int]) -> str:
    """Return the ``chosen`` pieces, with a mark for what stands before, between or behind them."""
    text = ""
    for before, at in zip([-1, *chosen], chosen, strict=False):
        between = " " if at == before + 1 else LEFT_OUT
        text += f"{between.rstrip()}\n" if opens_line[at] else between
        text += pieces[at]
    return text.lstrip() + (LEFT_OUT.rstrip() if chosen[-1] < len(pieces) - 1 else "")
