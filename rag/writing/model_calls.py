"""Ask the model for a reply under a schema, and clean up the sentences of the reply."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from rag.errors import ReplyError, TooLong
from rag.llm.prompts import Prompt
from rag.text import split_sentences

if TYPE_CHECKING:
    from rag.llm.chat_model import ChatModel

ReplyT = TypeVar("ReplyT", bound=BaseModel)

_BETWEEN = r"(?:\s*[,;–-]\s*|\s+and\s+)"
_MARKER = re.compile(
    rf"\s*\[[ERS]\d+(?:{_BETWEEN}[ERS]?\d+)*\]|\s*\([ERS]\d+(?:{_BETWEEN}[ERS]\d+)*\)"
    rf"|\s+(?:\[[1-9]\d*\]\s*)*\[[1-9]\d*\]|\s+\[[1-9]\d*(?:{_BETWEEN}[1-9]\d*)+\](?=\s*(?:[.!?,;]|$))"
)
"""Citation markers. A lone number in round brackets is none, since it may be a year. Numbers in square brackets are one
behind white space, several in a pair at the end of a clause: ``Literal[4]`` and "the array [0, 1, 2] has" are code."""

_CODE_MARKS = re.compile(r"(`+)([^`]+)\1")
"""Words in the code marks of Markdown, which the formats of a brief would print as they are: seven in the replies of 27
briefs, all code."""

_DOTTED_LETTERS = re.compile(r"\b(?:[A-Za-z]\.){2,}$")
"""An abbreviation of single letters at the end of a piece: "p.m.", "U.S."."""

_OPEN_END = re.compile(r"[\w%°+][\"”’')\]]*$")
"""The end of a sentence without its mark. A comma, a colon or "…" tells that more was to come."""


def ask_with_retry(model: ChatModel, prompt: Prompt, schema: type[ReplyT], *, max_tokens: int, **values: str) -> ReplyT:
    """Ask the model once, and a second time with the error if the reply does not follow the schema.

    ``values`` fill the slots of the prompt. The second reply may be twice as long.

    Raises:
        ReplyError: the second reply is unusable too.
        TooLong: the request does not fit the model's context; a second request would be longer still.
        ModelError: the model could not be reached.
    """
    system, user = prompt.render(**values)
    try:
        return model.ask(system, user, schema, max_tokens=max_tokens, name=prompt.name)
    except TooLong:
        raise
    except ReplyError as error:
        again = f"{user}\n\nYour last reply could not be used: {error}. Reply again, with JSON that follows the schema."
        return model.ask(system, again, schema, max_tokens=2 * max_tokens, name=prompt.name)


def clean_sentences(text: str) -> list[str]:
    """Return the complete sentences of ``text`` without citation markers and code marks.

    An item of a reply that holds two sentences is split, so that each is cited and verified on its own, but not after
    letters with full stops: "1 to 5 p.m. Eastern" is no place to tear a sentence. A piece without a final mark was cut
    off and is left out, and so is a question, which states nothing: a small model repeats the one that it is to answer.
    """
    plain = _CODE_MARKS.sub(r"\2", without_markers(text))
    sentences: list[str] = []
    for start, end in split_sentences(plain):
        piece = " ".join(plain[start:end].split())
        if sentences and _DOTTED_LETTERS.search(sentences[-1]):
            sentences[-1] += f" {piece}"
        else:
            sentences.append(piece)
    return [sentence for sentence in sentences if re.search(r"(?:[.!]|\?[\"”’')\]])[\"”’')\]]*$", sentence)]


def sentences_of_item(text: str) -> list[str]:
    """Return the sentences of ``text``, a whole item of a large model's reply, as :func:`clean_sentences` does.

    Some models write no full stop behind the last sentence of an item. It was not cut off: a reply that is has no end
    of its JSON, and is unusable. Words that begin with a small letter, "who built it", are no sentence without one.
    """
    plain = without_markers(text).rstrip()
    if not _OPEN_END.search(plain):
        return clean_sentences(plain)
    completed = clean_sentences(f"{plain}.")
    return completed if completed and not completed[-1][0].islower() else clean_sentences(plain)


def without_markers(text: str) -> str:
    """Return ``text`` without citation markers."""
    return _MARKER.sub("", text)
