"""What to leave out of a request that a server refused.

Servers word refusals differently, so their sentences are not parsed. A refusal that contains the name of something in
the request (a field, a keyword of the schema, a role) makes it the first suspect; a refusal that names nothing makes
every part of the request one. The transport tries the suspects one by one and keeps the change that helps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rag.llm.request_form import (
    REPLY_FORMATS,
    STRUCTURE_KEYWORDS,
    VALIDATION_KEYWORDS,
    ReplyFormat,
    RequestForm,
    json_schema_of,
    keywords_of,
)

MALFORMED = (400, 416, 422)
"""Statuses by which a server refuses a request for what it contains; 416 is Scaleway's for too high a limit."""

MAYBE_MALFORMED = (404, 405, 415, 500, 501)
"""Statuses that some servers give in the same case. They count only if the response names something in the request."""

LOWEST_LIMIT = 256
"""The lowest limit on a reply's tokens that a server is taken to demand."""

ECHOED = frozenset({"input", "body", "request", "messages", "failed_generation", "ctx", "stack", "traceback"})
"""Keys of an error under which servers repeat the request; what stands there names everything."""

FAILED_REPLY = b'"failed_generation"'
"""In a response of status 400 for a reply that did not follow the schema."""

_KEPT = frozenset({"model", "messages", "max_completion_tokens", "max_tokens", "response_format"})
_FORMAT_NAMES = ("response_format", "json_schema", "json_object", "structured", "output_config", "grammar", "guided",
                 "schema")  # fmt: skip
_ROLE_NAMES = ("role", "roles", "system", "developer")
_LIMIT = re.compile(r"max(imum)?[\s_]*(completion|output|new)?[\s_]*tokens|(completion|output) tokens", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:,\d{3})*(?![\w-])")
"""A number that is part of no name, date or identifier."""

_PER_REQUEST = re.compile(r"content.?(filter|policy|management)|moderation|flagged", re.IGNORECASE)
"""A refusal of the text itself. Sending it again could only make things worse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of the form of requests.

    Attributes:
        what: the change in words, for the user.
        change: makes the change.
        names: what the request has and the changed one has not, by the names that only it has.
        vague_names: words that may mean it, or something else.
    """

    what: str
    change: Callable[[RequestForm], RequestForm]
    names: tuple[str, ...] = ()
    vague_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A response by which a server refused a request.

    ``text`` is what it says; ``fingerprint`` is equal for responses that say the same about different requests.
    """

    status: int
    text: str

    @property
    def certain(self) -> bool:
        """Whether the status says that the request is to blame, and not the server."""
        return self.status in MALFORMED

    @property
    def about_text(self) -> bool:
        """Whether a filter refused the text itself, which no other form of request mends."""
        return bool(_PER_REQUEST.search(self.text))

    @property
    def fingerprint(self) -> tuple[int, str]:
        """The status and the words without those that contain a digit, such as the id of a request."""
        return self.status, " ".join(word for word in self.text.split() if not re.search(r"\d", word))

    def suspects(self, body: Mapping[str, Any], form: RequestForm, *, guess: bool) -> Iterator[Change]:
        """Yield changes of ``form`` that may get the request ``body`` accepted, the likeliest first.

        Args:
            body: the request in the standard form.
            form: the form in which it was refused.
            guess: whether to go on with parts of the request that the response does not name.
        """
        if self.about_text:
            return
        changes = list(changes_of(body, form))
        mentions = [self._mention(change) for change in changes]
        named = sorted((mention, at) for at, mention in enumerate(mentions) if mention is not None)
        lower, halves = lower_limits(self.text, form.apply(body).get(form.limit) or 0)
        yield from lower
        yield from (changes[at] for _, at in named)
        if self.certain:
            yield from halves
        if self.certain and guess:
            yield from (change for change, mention in zip(changes, mentions, strict=True) if mention is None)
            yield least_demanding(body)

    def _mention(self, change: Change) -> tuple[bool, int] | None:
        """Return how the text names what ``change`` takes away, smaller if clearer or earlier; None if it does not."""
        if (position := self._first_mention(change.names)) is not None:
            return False, position
        position = self._first_mention(change.vague_names)
        return None if position is None else (True, position)

    def _first_mention(self, names: tuple[str, ...]) -> int | None:
        """Return the position of the first of ``names`` in the text; None if it has none of them."""
        if not self.certain:
            names = tuple(name for name in names if name not in ("system", "developer"))  # "internal system error"
        positions = [
            found.start()
            for name in names
            if (found := re.search(rf"(?<![A-Za-z_$]){re.escape(name)}(?![A-Za-z_])", self.text, re.IGNORECASE))
        ]
        return min(positions, default=None)


_EVERYTHING = "only the messages, max_tokens and the schema in the prompt are sent"


def lower_limits(text: str, sent: int) -> tuple[list[Change], list[Change]]:
    """Return changes to lower limits on the reply's tokens than ``sent``, which a refusal of this ``text`` suggests.

    The first ones are to numbers that the text gives, since servers say what they allow: "at most 4096 completion
    tokens" (OpenAI), "the valid range of max_tokens is [1, 8192]" (DeepSeek), "max_tokens must be less than or equal to
    8000" (Groq). The others halve the limit. A text that does not speak of a limit on tokens suggests none.
    """
    if not _LIMIT.search(text):
        return [], []
    numbers = {int(number.replace(",", "")) for number in _NUMBER.findall(text)}
    named = sorted((number for number in numbers if LOWEST_LIMIT <= number < sent), reverse=True)
    halves = []
    while (sent := sent // 2) >= LOWEST_LIMIT:
        halves.append(sent)
    return [_lower_limit(limit) for limit in named], [_lower_limit(limit) for limit in halves]


def _lower_limit(limit: int) -> Change:
    return Change(
        what=f"replies may have at most {limit:,} tokens",
        change=lambda form: replace(form, highest_limit=min(limit, form.highest_limit or limit)),
    )


def read_refusal(status: int, body: bytes) -> Refusal | None:
    """Return the refusal that a response is; None if it has another status, or is about what the model wrote."""
    if status not in MALFORMED + MAYBE_MALFORMED or FAILED_REPLY in body:
        return None
    try:
        text = " ".join(_texts(json.loads(body)))
    except ValueError:
        text = body.decode(errors="replace")
    return Refusal(status=status, text=text[:4000])


def _texts(value: Any) -> Iterator[str]:
    """Yield the strings of a JSON value, without what repeats the request."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in ECHOED:
                yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value


def changes_of(body: Mapping[str, Any], form: RequestForm) -> Iterator[Change]:
    """Yield every change that takes one thing from the request ``body`` in ``form``."""
    if form.limit == "max_completion_tokens" and {"max_completion_tokens", "max_tokens"} & body.keys():
        yield Change(
            what="the limit is sent as max_tokens",
            change=lambda form: replace(form, limit="max_tokens"),
            names=("max_completion_tokens",),
        )
    if (schema := json_schema_of(body)) is not None:
        yield from _reply_changes(keywords_of(schema), form)
        if form.reply in ("json_schema", "counted_in_words") and "strict" not in form.omitted:
            yield _omission("strict")
    for field in body:
        if field not in _KEPT | form.omitted:
            yield _omission(field)
    if not form.system_in_user and any(message["role"] in ("system", "developer") for message in body["messages"]):
        yield Change(
            what="the system message is sent in the user message",
            change=lambda form: replace(form, system_in_user=True),
            vague_names=_ROLE_NAMES,
        )


def _reply_changes(keywords: set[str], form: RequestForm) -> Iterator[Change]:
    """Yield the looser ways to demand the form of a reply, for a schema with these keywords."""
    validation, structure = keywords & VALIDATION_KEYWORDS, keywords & STRUCTURE_KEYWORDS
    ways: dict[ReplyFormat, Change] = {
        "counted_in_words": Change(
            what="the schema is sent without limits such as maxItems, which are checked here",
            change=lambda form: _looser(form, "counted_in_words"),
            names=tuple(sorted(validation)),
            vague_names=("schema", "grammar"),
        ),
        "plain_schema": Change(
            what="the schema is sent in its plainest form, and the rest of it is checked here",
            change=lambda form: _looser(form, "plain_schema"),
            names=tuple(sorted(structure)),
            vague_names=("schema", "grammar"),
        ),
        "schema_in_json_object": Change(
            what="the schema is sent with response_format json_object, and in the prompt",
            change=lambda form: _looser(form, "schema_in_json_object"),
            vague_names=_FORMAT_NAMES,
        ),
        "json_object": Change(
            what="the schema stands in the prompt, with response_format json_object",
            change=lambda form: _looser(form, "json_object"),
            vague_names=_FORMAT_NAMES,
        ),
        "text": Change(
            what="the schema stands in the prompt, without response_format",
            change=lambda form: _looser(form, "text"),
            vague_names=_FORMAT_NAMES,
        ),
    }
    for reply in REPLY_FORMATS[REPLY_FORMATS.index(form.reply) + 1 :]:
        if reply != "counted_in_words" or validation:
            yield ways[reply]


def _looser(form: RequestForm, reply: ReplyFormat) -> RequestForm:
    """Return ``form`` with ``reply``, unless another call has found meanwhile that it has to be looser still."""
    return replace(form, reply=max(form.reply, reply, key=REPLY_FORMATS.index))


def _omission(field: str) -> Change:
    return Change(
        what=f"{field} is not sent",
        change=lambda form: replace(form, omitted=form.omitted | {field}),
        names=(field,),
    )


def least_demanding(body: Mapping[str, Any]) -> Change:
    """Return the change to the form that asks the least of a server."""

    def change(form: RequestForm) -> RequestForm:
        return replace(
            form,
            limit="max_tokens",
            omitted=form.omitted | (body.keys() - _KEPT),
            reply="text" if json_schema_of(body) is not None else form.reply,
            system_in_user=True,
        )

    return Change(what=_EVERYTHING, change=change)
