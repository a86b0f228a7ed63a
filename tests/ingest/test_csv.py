from __future__ import annotations

import random
from collections.abc import Callable

from rag.ingest import Source, extract
from rag.types import Document

WORDS = """candidate Moscow project letter agreed pages summer travel adviser campaign speech energy meeting hotel tower
phone sanctions embassy report investigation committee witness documents answers charges court plea trial""".split()


def test_rows_with_a_text_column_are_documents(make_source: Callable[..., Source]) -> None:
    documents, _ = extract(make_source("rows.csv", 'id,title,text\n1,One,"Text, one."\n2,Two,Text two.\n'))
    assert [(d.id, d.title, d.text) for d in documents] == [("1", "One", "Text, one."), ("2", "Two", "Text two.")]


def test_rows_with_a_page_column_are_the_lines_of_one_paged_document(read_document: Callable[..., Document]) -> None:
    words = random.Random(7)
    rows = ["page,line,text"]
    for page in range(1, 9):
        prose = [" ".join(words.choices(WORDS, k=9)) for _ in range(8)]
        lines = [
            f"U.S. Dep{'ar' if page % 2 else 'al'}tment of Justice",
            *prose,
            f"{words.choice(WORDS)} went on",
            str(page),
        ]
        if page == 3:
            lines[-1:-1] = ["12", "A footnote on the third page.", "13", "Another of them."]
            lines[4] = "It was so. 12 They left."
        rows += [f"{page},{number},{line}" for number, line in enumerate(lines, 1)]
    document = read_document("scan.csv", "\n".join(rows))
    assert len(document.page_starts) == 8
    for removed in ("U.S.", "footnote", "Another", "12", "13"):
        assert removed not in document.text
    assert "It was so. They left." in document.text
    start = document.page_starts[4]
    assert document.text[start - 8 : start] == "went on ", "a sentence runs across the page break"


def test_rows_of_any_other_table_become_lines_of_one_document(read_document: Callable[..., Document]) -> None:
    assert read_document("t.csv", "Year;Event\n2015;Letter signed\n2016;Ended\n").text == (
        "Year: 2015\nEvent: Letter signed\n\nYear: 2016\nEvent: Ended"
    )


def test_lines_before_the_header_and_cells_beyond_it_are_kept(read_document: Callable[..., Document]) -> None:
    rows = "Lock,1998,1999\nOstby,412,388\nNore,97,101,closed in March\n"
    text = read_document("a.csv", f"sep=,\n{rows}").text
    assert text == "Lock: Ostby\n1998: 412\n1999: 388\n\nLock: Nore\n1998: 97\n1999: 101\ncolumn 4: closed in March"
    text = read_document("b.csv", f"Boats by lock\nPrinted on 3 May, 2001\n\n{rows}").text
    assert text.startswith("Boats by lock\n\nPrinted on 3 May; 2001\n\nLock: Ostby\n1998: 412")
    assert read_document("c.csv", "sep=|\nLock|Boats\nOstby|4,5\n").text == "Lock: Ostby\nBoats: 4,5"


def test_quotation_mark_that_is_not_closed_costs_no_rows(read_document: Callable[..., Document]) -> None:
    rows = "".join(f"Lock {n},{n * 7},open\n" for n in range(2, 9))
    document = read_document("q.csv", f'Name,Boats,State\n"Lock 1,7,open\n{rows}')
    assert [f"Name: Lock {n}\nBoats: {n * 7}\nState: open" in document.text for n in range(1, 9)] == [True] * 8
    assert [item.what for item in document.coverage.omissions] == ["broken quotes"]


def test_cell_with_line_breaks_is_one_cell(read_document: Callable[..., Document]) -> None:
    text = read_document("n.csv", 'Name,Note\nOstby,"closed\nin March,\nopen in May"\nNore,none\n').text
    assert text == "Name: Ostby\nNote: closed in March, open in May\n\nName: Nore\nNote: none"


def test_columns_beside_the_text_are_read_or_named(make_source: Callable[..., Source]) -> None:
    rows = 'id,text,Notes,lang\n1,The lock opens.,"The keeper, as a rule, is late.",en\n2,It shuts.,,en\n'
    (one, two), _ = extract(make_source("rows.csv", rows))
    assert one.text == "The lock opens.\n\nnotes: The keeper, as a rule, is late."
    assert two.text == "It shuts."
    assert [item.detail for item in two.coverage.omissions] == ["lang"]


def test_other_columns_of_a_paged_table_are_named(read_document: Callable[..., Document]) -> None:
    document = read_document("scan.csv", "page,line,text,reader\n1,1,The lock at Ostby opens at seven.,Ida\n")
    assert [(item.what, item.detail) for item in document.coverage.omissions] == [("other columns", "reader")]


def test_text_with_unquoted_commas_is_read_whole(make_source: Callable[..., Source]) -> None:
    rows = "1,The pier was shut, and then, in May, sold.,2019\n2,It reopened.,2023,,\n3,It rusts.,about 1920\n"
    (one, two, three), _ = extract(make_source("rows.csv", f"id,text,date\n{rows}"))
    assert (one.text, one.date) == ("The pier was shut, and then, in May, sold.", "2019")
    assert [(item.count, item.lost) for item in one.coverage.omissions] == [(3, False)]
    assert (two.text, two.date, two.coverage.omissions) == ("It reopened.", "2023", ()), "Excel writes empty cells"
    assert [item.detail for item in three.coverage.omissions] == ["date"], "a date that is none is told"


def test_line_of_a_paged_table_with_unquoted_commas_is_read_whole(read_document: Callable[..., Document]) -> None:
    document = read_document("scan.csv", "page,line,text\n1,1,The lock at Ostby opens, as a rule, at seven.\n")
    assert document.text == "The lock at Ostby opens, as a rule, at seven."
    assert [item.count for item in document.coverage.omissions if "cells" in item.what] == [2]


def test_paragraphs_of_a_quoted_cell_are_no_lines_of_the_table(read_document: Callable[..., Document]) -> None:
    cell = "The first tells of taxes.\n\nThe second of schools, roads."
    document = read_document("a.csv", f'number,comment,score\n1,"{cell}",5\n2,Short,4\n')
    assert document.text == (
        "number: 1\ncomment: The first tells of taxes. The second of schools, roads.\nscore: 5\n\n"
        "number: 2\ncomment: Short\nscore: 4"
    )
