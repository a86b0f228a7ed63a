"""RTF: paragraphs, headings, lists, tables and what is left out."""

from __future__ import annotations

from collections.abc import Callable

from rag.types import Document

FONTS = r"{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}}"


def rtf(body: str, info: str = "") -> str:
    return rf"{{\rtf1\ansi\ansicpg1252\deff0{FONTS}{{\info{info}}}\pard\plain {body}}}"


def counts(document: Document) -> dict[str, int]:
    return {item.what: item.count for item in document.coverage.omissions}


def test_paragraphs_headings_title_and_date_are_read(read_document: Callable[..., Document]) -> None:
    info = r"{\title The locks\'e9}{\creatim\yr2021\mo3\dy4\hr10}"
    body = (
        r"\s1\outlinelevel0 Boats\par\pard The lock \'96 a \b small\b0  one \u8212? opens.\par "
        r"\f1 \'d8\'eb\'fe\'e7\f0\par\pard\s2\outlinelevel1 Ships\par\pard {\field{\*\fldinst{HYPERLINK \"http://a\"}}"
        r"{\fldrslt One}} and {\field{\*\fldinst{HYPERLINK \"http://b\"}}{\fldrslt two}}.\par"
    )
    document = read_document("a.rtf", rtf(body, info))
    assert (document.title, document.date) == ("The locksé", "2021-03-04")
    assert document.text == "Boats\n\nThe lock – a small one — opens.\n\nШлюз\n\nShips\n\nOne and two."
    assert [(heading.text, heading.level) for heading in document.headings] == [("Boats", 1), ("Ships", 2)]


def test_items_and_rows_are_lines(read_document: Callable[..., Document]) -> None:
    item = r"{{\listtext\'b7\tab}}\pard\ls1\ilvl{} {}\par "
    row = r"\intbl {}\cell {}\par of two\cell\row "
    body = (
        r"Locks:\par " + item.format(0, "South") + item.format(1, "Ostby") + r"\pard Boats:\par "
        r"\trowd\cellx1000\cellx2000 " + row.format("Lock", "Boats") + row.format("Ostby", "4") + r"\pard The end.\par"
    )
    document = read_document("a.rtf", rtf(body))
    assert document.text == ("Locks:\n\n- South\n– Ostby\n\nBoats:\n\nLock; Boats of two\nOstby; 4 of two\n\nThe end.")


def test_notes_deletions_and_pictures_are_left_out_and_text_boxes_read(read_document: Callable[..., Document]) -> None:
    body = (
        r"{\header Page}The lock{\footnote A note.} opens{\deleted  never} at seven.{\v secret}\par{\pict\pngblip 8950}"
        r"{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt In a box.\par}}{\shprslt In a box.}}"
    )
    document = read_document("a.rtf", rtf(body))
    assert document.text == "The lock opens at seven.\n\nIn a box."
    assert counts(document) == {"footnotes": 1, "hidden text": 1, "images": 1, "page headers and footers": 1}


def test_binary_data_and_odd_words_do_not_end_the_text(read_document: Callable[..., Document]) -> None:
    body = r"One.\par{\*\objdata\bin10 }}}\par{{{}{\pict\bin 89}" + r"\u55357?\u56832? two \u99?\par"
    assert read_document("a.rtf", rtf(body)).text == "One.\n\n😀 two c"
    assert read_document("b.rtf", rtf(r"One {\b0\*\cs7 opens} at seven.\par")).text == "One opens at seven."


def test_other_files_are_reported(skip_reason: Callable[..., str]) -> None:
    assert skip_reason("a.rtf", "Only a text.") == "not RTF"


def test_text_that_is_hidden_within_a_group_is_left_out(read_document: Callable[..., Document]) -> None:
    document = read_document("a.rtf", rtf(r"{\rtlch\ltrch\v\insrsid12 Secret.}{\ltrch\insrsid12 Shown.}\par"))
    assert document.text == "Shown."
    assert counts(document) == {"hidden text": 1}
    assert read_document("b.rtf", rtf(r"{\v\v0 Shown.}\par")).text == "Shown."
