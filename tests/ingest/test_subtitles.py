"""Subtitles: WebVTT and SubRip."""

from __future__ import annotations

from collections.abc import Callable

from rag.types import Document


def test_cues_are_joined_to_sentences(read_document: Callable[..., Document]) -> None:
    content = (
        "1\r\n00:00:01,000 --> 00:00:02,500\r\nThe lock <i>opens</i>\r\nat seven,\r\n\r\n"
        "2\r\n00:00:02,500 --> 00:00:04,000\r\n{\\an8}and it closes\r\n\r\nat nine.\r\n"
        "3\r\n00:00:04,100 --> 00:00:05,000\r\nBoats &amp; ships.\r\n\r\n"
        "4\r\n00:00:09,000 --> 00:00:10,000\r\nThat was the summer of\r\n1990\r\n"
    )
    document = read_document("The lock.srt", content)
    assert document.title == "The lock"
    assert document.text == (
        "The lock opens at seven, and it closes at nine. Boats & ships.\n\nThat was the summer of 1990"
    )


def test_speakers_begin_paragraphs_and_comments_are_counted(read_document: Callable[..., Document]) -> None:
    content = (
        "WEBVTT - Hearing\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE checked by Per\n\n"
        "first\n00:01.000 --> 00:02.000 align:start\n<v.loud Ada Lind>When does</v>\n\n"
        "00:02.000 --> 00:03.000\n<v Ada Lind>it open?\n\n00:03.000 --> 00:04.000\n<v Ola>At seven.\n\n"
        "00:04.000 --> 00:05.000\n>> Thank you.\n\n00:05.000 --> 00:06.000\n- Not at all.\n"
    )
    document = read_document("a.vtt", content)
    assert document.text == "Ada Lind: When does it open?\n\nOla: At seven.\n\nThank you.\n\nNot at all."
    assert [(item.what, item.detail) for item in document.coverage.omissions] == [("comments", "checked by Per")]


def test_lines_of_captions_that_roll_are_read_once(read_document: Callable[..., Document]) -> None:
    content = (
        "WEBVTT\n\n00:00.000 --> 00:02.000\n \nthe<00:00.500><c> lock</c><00:01.000><c> opens</c>\n\n"
        "00:02.000 --> 00:02.010\nthe lock opens\n \n\n00:02.010 --> 00:04.000\nthe lock opens\nat<c> seven</c>\n\n"
        "00:04.000 --> 00:04.010\nat seven\n \n\n00:04.010 --> 00:06.000\nat seven\nand closes at nine\n"
    )
    assert read_document("a.vtt", content).text == "the lock opens at seven and closes at nine"


def test_words_that_are_said_twice_stay(read_document: Callable[..., Document]) -> None:
    times = ("00:01.000 --> 00:02.000", "00:02.000 --> 00:03.000", "00:03.000 --> 00:04.000", "00:04.000 --> 00:05.000")
    words = ("No.", "No.", "It is shut.", "I see.")
    cues = "".join(f"{time}\n{word}\n\n" for time, word in zip(times, words, strict=True))
    assert read_document("a.vtt", f"WEBVTT\n\n{cues}").text == "No. No. It is shut. I see."
    shown_twice = "WEBVTT\n\n" + f"{times[0]}\nIt is shut.\n\n" * 2
    assert read_document("b.vtt", shown_twice).text == "It is shut."


def test_file_without_cues_is_reported(skip_reason: Callable[..., str]) -> None:
    assert skip_reason("a.srt", "Only a text.\n") == "no subtitles: no line has two times"
