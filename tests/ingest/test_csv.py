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
