"""Read mail: the fields of its head, then its parts in order; earlier messages that it quotes get headings.

The plain text of a part that has several forms is preferred. Attachments are named in the coverage, not read.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime

from rag.errors import ReadError
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.clean import clean_text, is_list_item, match_key
from rag.ingest.encoding import BYTE_ORDER_MARKS, decode
from rag.ingest.header import split_header
from rag.ingest.line_joining import join_lines, word_counts
from rag.ingest.omissions import Tally
from rag.ingest.text import with_depth_marks

_FIELDS = ("From", "To", "Cc", "Date")
_MAX_DEPTH = 30
"""Depth of parts in parts and of messages in messages; one that is forwarded takes about three."""
_MAX_QUOTES = 8
_MAX_PARTS = 2_000
_MAX_FIELD = 20_000
"""Letters of a field of the head that are read; the standard library takes quadratic time for them."""
_SIGNATURES = frozenset(
    {
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-keys",
    }
)
_ENCRYPTED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"})
_FORM_FEW = 4
"""How many times more letters the HTML of a part has than its plain text, which then says only "this is HTML".

Of 35 parts with both in 102 public mails none has twice as many; one has a plain text without a letter.
"""

_QUOTE_MARKS = re.compile(r"(?:> ?)+")
_SIGNATURE = re.compile(r"^--[ \t]*$", re.MULTILINE)
"""The line above a signature (RFC 3676)."""
_WRAP_WIDTH = 64
"""Letters of a line from which on a mail program breaks it: they do so at 66 to 78, and people mostly before."""
_QUOTED = "Earlier message"
"""Heading of a quoted message that no line introduces."""


def read_mail(data: bytes, name: str) -> ParsedDocument:
    """Read the message in ``data``; its subject is the title.

    Raises:
        ReadError: it has none of the fields of a mail, or all of it is encrypted.
    """
    if data.startswith(BYTE_ORDER_MARKS):
        data = decode(data)[0].encode("utf-8", "replace")
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    if not any(message.get(name) for name in ("From", "To", "Date", "Subject", "Received")):
        raise ReadError("no mail: it has no sender, recipient, date or subject")
    mail = _Mail()
    blocks = tuple(mail.message_blocks(message, 0))
    if mail.encrypted and not mail.read:
        raise ReadError("encrypted: its text needs a key")
    return ParsedDocument(
        blocks=blocks,
        media_type="message/rfc822",
        title=_field(message, "Subject") or None,
        date=_date(message),
        tally=mail.tally,
    )


def _field(message: Message, name: str) -> str:
    """Return a field of the head on one line, its encoded words decoded; "" if there is none."""
    return _decoded(message.get(name) or "")


def _decoded(value: object) -> str:
    """Return a text of the head on one line, with its encoded words (``=?utf-8?Q?…?=``) decoded."""
    words = ""
    value = value if len(str(value)) <= _MAX_FIELD else str(value)[:_MAX_FIELD]
    try:
        for part, charset in decode_header(value):  # type: ignore[arg-type]
            words += part if isinstance(part, str) else decode(part, charset)[0]
    except (HeaderParseError, ValueError):
        words = str(value)
    return " ".join(clean_text(words).split())


def _date(message: Message) -> str | None:
    try:
        return parsedate_to_datetime(_field(message, "Date")).date().isoformat()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


@dataclass(slots=True)
class _Mail:
    """Yields the blocks of a message, and counts its parts."""

    tally: Tally = field(default_factory=Tally)
    parts: int = 0
    read: int = 0
    encrypted: bool = False

    def message_blocks(self, message: Message, depth: int) -> Iterator[Block]:
        """Yield the fields of a message and its text; one inside another begins with its subject as a heading."""
        if depth and (subject := _field(message, "Subject") or _field(message, "From")):
            yield Block(text=subject, level=1)
        yield Block(text="\n".join(f"{name}: {value}" for name in _FIELDS if (value := _field(message, name))))
        yield from self._part_blocks(message, depth, _sender(message))

    def _part_blocks(self, part: Message, depth: int, sender: str) -> Iterator[Block]:
        self.parts += 1
        kind = part.get_content_type()
        if depth > _MAX_DEPTH or self.parts > _MAX_PARTS:
            self.tally.add("parts of other formats", detail="nested too deeply, or too many")
        elif kind in _ENCRYPTED or kind == "multipart/encrypted":
            self.encrypted = True
            self.tally.add("encrypted parts", detail=kind)
        elif kind == "message/rfc822" and part.is_multipart():
            for inner in part.get_payload():
                yield from self.message_blocks(inner, depth + 1)  # type: ignore[arg-type]
        elif kind == "multipart/alternative" and part.is_multipart():
            yield from self._one_form(part, depth, sender)
        elif part.is_multipart():
            for inner in part.get_payload():
                yield from self._part_blocks(inner, depth + 1, sender)  # type: ignore[arg-type]
        elif _is_text(part, kind):
            blocks = self._text_part(part, sender)
            self.read += bool(blocks)
            yield from blocks
        else:
            self._count_attachment(part, kind)

    def _one_form(self, part: Message, depth: int, sender: str) -> Iterator[Block]:
        """Yield the plain form of a part that has several, or the HTML if there is no other or little of it."""
        forms = []
        for form in part.get_payload():
            mail = replace(self, tally=Tally(), read=0)
            blocks = list(mail._part_blocks(form, depth + 1, sender))  # type: ignore[arg-type]
            self.parts = mail.parts
            forms.append((mail, blocks, form.get_content_type() == "text/plain"))  # type: ignore[union-attr]
        readable = [form for form in forms if form[0].read]
        plain = next((form for form in readable if form[2]), None)
        longest = max(readable, key=lambda form: _letters(form[1]), default=None)
        if plain and longest and _letters(longest[1]) > _FORM_FEW * _letters(plain[1]):
            plain = None
        chosen = plain or longest
        for mail, _, _ in forms:
            if chosen is None or mail.tally is chosen[0].tally:
                self.tally.merge(mail.tally)
            else:
                self.tally.merge(mail.tally, only="attachments")
            self.encrypted |= mail.encrypted
        if chosen:
            self.read += chosen[0].read
            yield from chosen[1]

    def _text_part(self, part: Message, sender: str) -> list[Block]:
        from rag.ingest.html.blocks import html_blocks
        from rag.ingest.html.tree import parse_html

        data = part.get_payload(decode=True)
        if not isinstance(data, bytes) or not data.strip():
            return []
        text, _ = decode(data, part.get_content_charset())
        if part.get_content_type() != "text/html":
            return list(_plain_blocks(text.replace("\r\n", "\n"), sender))
        try:
            _, tree = parse_html(text.encode("utf-8-sig", "replace"), self.tally)
        except ReadError as error:
            self.tally.add("damaged parts", detail=str(error))
            return []
        self.tally.add("images", count=sum(1 for _ in tree.iter("img")))
        return list(html_blocks(tree))

    def _count_attachment(self, part: Message, kind: str) -> None:
        name = _file_name(part)
        if kind in _SIGNATURES:
            self.tally.add("signatures")
        elif kind.startswith("image/"):
            self.tally.add("images", detail=name)
        else:
            self.tally.add("attachments", detail=name or kind)


def _is_text(part: Message, kind: str) -> bool:
    """Whether a part is text to be read. A part that should have parts and has none is a text, too."""
    is_text = kind in {"text/plain", "text/html"} or kind.startswith("multipart/")
    return is_text and part.get_content_disposition() != "attachment"


def _file_name(part: Message) -> str:
    try:
        return _decoded(part.get_filename() or "")
    except (ValueError, LookupError, TypeError):
        return ""


def _sender(message: Message) -> str:
    """Return the name of the sender, or else the address."""
    # The name is decoded after it is parsed: it may have a comma, "=?utf-8?Q?Berg=2C_Anna?=".
    name, address = parseaddr(str(message.get("From") or "")[:_MAX_FIELD])
    return _decoded(name) or address or _field(message, "From")


def _letters(blocks: list[Block]) -> int:
    return sum(len("".join(block.text.split())) for block in blocks)


@dataclass(slots=True)
class _Run:
    """Lines with the same number of quotation marks, without these, and the line above that introduces them."""

    depth: int
    introduction: str = ""
    lines: list[str] = field(default_factory=list)


def _plain_blocks(text: str, sender: str) -> Iterator[Block]:
    """Yield the paragraphs of a plain text; text that is quoted by ``>`` stands below the line that introduces it.

    What its author writes below a quotation stands below the name of the sender.
    """
    authors = [sender]  # of the text at each depth
    before = 0
    for run in _runs(text):
        if run.introduction:
            del authors[run.depth :]
        authors += [_QUOTED] * (run.depth - len(authors))
        if len(authors) == run.depth:
            authors.append(run.introduction or _QUOTED)
        if run.depth != before:
            yield Block(text=authors[run.depth], level=2)
        before = run.depth
        yield from _message_blocks("\n".join(run.lines))


def _runs(text: str) -> list[_Run]:
    runs = [_Run(0)]
    for line in text.split("\n"):
        marks = _QUOTE_MARKS.match(line)
        depth = min(marks[0].count(">"), _MAX_QUOTES) if marks else 0
        rest = line[marks.end() :] if marks else line
        last = runs[-1]
        if depth != last.depth and rest.strip():
            runs.append(_Run(depth, _pop_introduction(last.lines) if depth > last.depth else ""))
        runs[-1].lines.append(rest)
    return runs


def _pop_introduction(lines: list[str]) -> str:
    """Remove and return the last paragraph of ``lines`` if it ends with a colon; "" if it does not.

    It is of at most three lines: mail programs break "On Monday, 3 May 2021 at 10:12, Anna Berg wrote:".
    """
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    start = end
    while start and lines[start - 1].strip():
        start -= 1
    if not 1 <= end - start <= 3 or not lines[end - 1].rstrip().endswith(":"):
        return ""
    introduction = " ".join(" ".join(lines[start:end]).split())
    del lines[start:]
    return introduction


def _message_blocks(text: str) -> Iterator[Block]:
    """Yield the paragraphs of a text without quotation marks; its lines are no headings.

    Fields in it ("From: … Sent: … Subject: …") are those of an earlier message, whose heading is the first of them.
    """
    before: list[str] = []
    paragraphs = re.split(r"\n[ \t]*\n", text)
    for paragraph in paragraphs:
        lines = paragraph.strip("\n").split("\n")
        # Above the fields may be a line "-----Original Message-----".
        at = next((n for n in range(min(3, len(lines))) if _is_head(lines[n:])), None)
        if at is None:
            before.append(paragraph)
            continue
        yield from _prose("\n\n".join([*before, "\n".join(lines[:at])]))
        before = []
        yield Block(text=" ".join(lines[at].split()), level=2)
        yield Block(text="\n".join(lines[at + 1 :]))
    yield from _prose("\n\n".join(before))


def _is_head(lines: list[str]) -> bool:
    """Whether ``lines`` are the fields of a message, of which the first names the sender."""
    head = split_header("\n".join(lines))
    return head is not None and next(iter(head.fields), "") == "from"


def _prose(text: str) -> Iterator[Block]:
    """Yield the paragraphs of a text, with the line breaks that its author set."""
    counts = word_counts(text.split("\n"))
    for paragraph in re.split(r"\n\s*\n", clean_text(with_depth_marks(_SIGNATURE.sub("\n", text)))):
        yield Block(text="\n".join(join_lines(lines, counts) for lines in _set_lines(paragraph.split("\n"))))


def _set_lines(lines: list[str]) -> Iterator[list[str]]:
    """Yield the lines that belong together: a line was broken by a program if the next word had no room on it."""
    group: list[str] = []
    for line in filter(match_key, lines):  # not the lines that are drawn
        if group:
            last, word = group[-1].strip(), line.split(maxsplit=1)[0]
            full = len(last) + 1 + len(word) > _WRAP_WIDTH and " " in last
            if is_list_item(line) or not full:
                yield group
                group = []
        group.append(line)
    if group:
        yield group
