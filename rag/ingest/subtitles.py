"""Read subtitles (WebVTT, SubRip): the cues joined to running text, without their times and repeated lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise

from rag.errors import ReadError
from rag.ingest.blocks import Block, ParsedDocument
from rag.ingest.encoding import decode
from rag.ingest.omissions import Tally

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_NO_CUE = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^<>]*)>")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[\d:.]+>|\{\\[^{}]*\}")
_TURN = re.compile(r"(?:>>+|[-–—])\s*(?=\S)")
"""The mark of another speaker's words: ``>>`` in captions of broadcasts, a dash in subtitles."""
_SENTENCE_END = re.compile(r"[.!?…][”\"’')\]♪]*$")

_PAUSE = 2.0
"""Seconds after the end of a sentence from which on a new paragraph begins."""
_ROLLING = 0.3
"""Share of cues that begin with the line above, from which on the captions roll: each line is shown twice.

Of 102 files of six public repositories, none of which rolls, the share is 0.14 at most; no file that rolls was at hand.
"""


@dataclass(slots=True)
class _Cue:
    start: float
    end: float
    lines: list[str] = field(default_factory=list)


def read_subtitles(data: bytes, name: str) -> ParsedDocument:
    """Read the cues in ``data``; another speaker begins a paragraph, with the name if the file gives it.

    Raises:
        ReadError: there is no cue.
    """
    text, metadata = decode(data)
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    tally = Tally()
    cues = _cues(text, tally)
    if not cues:
        raise ReadError("no subtitles: no line has two times")
    return ParsedDocument(
        blocks=tuple(_paragraphs(cues)),
        media_type="text/vtt" if text.startswith("WEBVTT") else "application/x-subrip",
        metadata=metadata,
        tally=tally,
    )


def _cues(text: str, tally: Tally) -> list[_Cue]:
    """Return the cues. Text after a blank line belongs to the cue before, since SubRip forbids no blank lines."""
    cues: list[_Cue] = []
    is_vtt = text.startswith("WEBVTT")
    for paragraph in re.split(r"\n[ \t]*\n", text):
        lines = [line.strip() for line in paragraph.split("\n") if line.strip()]
        if is_vtt and lines and _NO_CUE.match(lines[0]):
            tally.add("comments", count=lines[0].startswith("NOTE"), detail=" ".join(lines)[4:])
            continue
        for at, line in enumerate(lines):
            if times := _TIMES.fullmatch(line):
                cues.append(_Cue(_seconds(times.groups()[:4]), _seconds(times.groups()[4:])))
            elif not _is_label(lines, at) and cues:
                cues[-1].lines.append(line)
    return cues


def _is_label(lines: Sequence[str], at: int) -> bool:
    """Whether a line is the number or the name of the cue whose times are the next line."""
    if at + 1 < len(lines):
        return bool(_TIMES.fullmatch(lines[at + 1])) and (at == 0 or lines[at].isdecimal())
    return len(lines) == 1 and lines[at].isdecimal()


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return 3600 * int(hours) + 60 * int(minutes) + float(f"{seconds}.{fraction}")


def _paragraphs(cues: list[_Cue]) -> Iterator[Block]:
    words: list[str] = []
    speaker = ""
    ended = 0.0
    for start, end, lines in _without_repeats(cues):
        for line in lines:
            voice = _VOICE.search(line)
            named = " ".join(unescape(voice[1]).split()) if voice else ""
            plain = _plain(line)
            turn = _TURN.match(plain)
            paused = bool(words) and start - ended >= _PAUSE and bool(_SENTENCE_END.search(words[-1]))
            if words and (turn or paused or (named and named != speaker)):
                yield Block(text=" ".join(words))
                words = []
            text = plain[turn.end() :] if turn else plain
            if text:
                words.append(f"{named}: {text}" if named and not words else text)
            speaker = named or speaker
            ended = end
    if words:
        yield Block(text=" ".join(words))


def _without_repeats(cues: list[_Cue]) -> Iterator[tuple[float, float, list[str]]]:
    """Yield the times and lines of each cue, without the lines that the cue before has shown.

    These are repeated where captions roll, or where a cue is shown twice at the same time.
    """
    shown = [[_plain(line) for line in cue.lines] for cue in cues]
    pairs = list(pairwise(shown))
    rolling = sum(bool(a and b) and a[-1] == b[0] for a, b in pairs) > _ROLLING * len(cues)
    before: list[str] = []
    ended = -1.0
    for cue, plain in zip(cues, shown, strict=True):
        repeated = 0
        if rolling or cue.start < ended:
            repeated = next((n for n in range(min(len(before), len(plain)), 0, -1) if before[-n:] == plain[:n]), 0)
        yield cue.start, cue.end, cue.lines[repeated:]
        if plain:
            before, ended = plain, cue.end


def _plain(line: str) -> str:
    """Return a line without tags, and with its entities resolved."""
    return " ".join(unescape(_TAG.sub("", line)).split())
