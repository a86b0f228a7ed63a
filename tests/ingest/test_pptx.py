from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rag.types import Document


def test_slides_are_pages_and_their_titles_headings(tmp_path: Path, read_document: Callable[..., Document]) -> None:
    from pptx import Presentation

    deck = Presentation()
    for title, body in (("The Offer", "An apartment was offered."), ("The Reply", "Nobody replied.")):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
    deck.slides[1].notes_slide.notes_text_frame.text = "Said by the speaker."
    deck.save(str(tmp_path / "d.pptx"))
    document = read_document("d.pptx")
    assert document.title == "The Offer"
    assert [heading.text for heading in document.headings] == ["The Reply"], "the first slide's title is the deck's"
    assert document.text == "An apartment was offered.\n\nThe Reply\n\nNobody replied.\n\nSaid by the speaker."
    _, second_page = document.page_starts
    assert document.text[second_page:].startswith("The Reply")


def test_one_odd_shape_costs_nothing_else(tmp_path: Path, read_document: Callable[..., Document]) -> None:
    from pptx import Presentation
    from pptx.util import Cm

    deck = Presentation()
    for words in ("The lock opens at seven.", "It has two gates.", "The keeper lives there."):
        slide = deck.slides.add_slide(deck.slide_layouts[6])
        slide.shapes.add_textbox(Cm(2), Cm(2), Cm(10), Cm(2)).text_frame.text = words
    properties = deck.slides[1].shapes[0]._element.spPr
    for child in list(properties):
        properties.remove(child)
    deck.save(str(tmp_path / "d.pptx"))
    document = read_document("d.pptx")
    assert document.text == "The lock opens at seven.\n\nIt has two gates.\n\nThe keeper lives there."
    assert (document.coverage.unit, document.coverage.total, document.coverage.read) == ("slide", 3, 3)


def test_charts_groups_and_notes_are_read_and_pictures_counted(
    tmp_path: Path, read_document: Callable[..., Document]
) -> None:
    import io

    from PIL import Image
    from pptx import Presentation
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Cm

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    group = slide.shapes.add_group_shape()
    inner = group.shapes.add_group_shape()
    inner.shapes.add_textbox(Cm(1), Cm(1), Cm(5), Cm(1)).text_frame.text = "Words in a group in a group."
    data = CategoryChartData()
    data.categories = ["1998", "1999"]
    data.add_series("Boats", (412, 388.5))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Cm(1), Cm(4), Cm(8), Cm(5), data)
    picture = io.BytesIO()
    Image.new("RGB", (9, 9)).save(picture, "PNG")
    slide.shapes.add_picture(picture, Cm(1), Cm(10))
    slide.notes_slide.notes_text_frame.text = "Say this aloud."
    deck.slides.add_slide(deck.slide_layouts[6])
    deck.save(str(tmp_path / "c.pptx"))
    document = read_document("c.pptx")
    assert "Boats: 1998: 412\nBoats: 1999: 388.5" in document.text
    assert document.text.startswith("Words in a group in a group.")
    assert document.text.endswith("Say this aloud.")
    omissions = {item.what: item.parts for item in document.coverage.omissions}
    assert omissions == {"images": (1,), "blank slides": (2,)}


def test_dates_and_numbers_of_charts_are_as_people_read_them() -> None:
    from rag.ingest.drawing import chart_block

    def values(kind: str, number_format: str, *numbers: str) -> str:
        points = "".join(f'<c:pt idx="{n}"><c:v>{number}</c:v></c:pt>' for n, number in enumerate(numbers))
        cache = f"<c:numCache><c:formatCode>{number_format}</c:formatCode>{points}</c:numCache>"
        return f"<c:{kind}><c:numRef>{cache}</c:numRef></c:{kind}>"

    series = values("cat", r"yyyy\-mm\-dd", "43831.0", "44197") + values("val", "General", "12345678901.25", "1.0")
    space = '<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart">'
    for start, dates in (("", ("2020-01-01", "2021-01-01")), ('<c:date1904 val="1"/>', ("2024-01-02", "2025-01-02"))):
        block = chart_block(f"{space}{start}<c:ser>{series}</c:ser></c:chartSpace>".encode())
        assert block is not None
        assert block.text == f"{dates[0]}: 12345678901.25\n{dates[1]}: 1"
    names = series.replace("numCache", "strCache", 2).replace("43831.0", "007")
    block = chart_block(f"{space}<c:ser>{names}</c:ser></c:chartSpace>".encode())
    assert block is not None
    assert block.text.startswith("007: "), "a name that looks like a number"


def test_smart_art_gives_the_texts_of_its_nodes() -> None:
    from rag.ingest.drawing import diagram_block

    namespaces = (
        'xmlns:d="http://schemas.openxmlformats.org/drawingml/2006/diagram" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    )
    points = "".join(
        f'<d:pt type="{kind}"><d:t><a:p><a:r><a:t>{words}</a:t></a:r></a:p></d:t></d:pt>'
        for kind, words in (("doc", "x"), ("node", "Plan"), ("node", "Build"), ("pres", "Build"))
    )
    block = diagram_block(f"<d:dataModel {namespaces}><d:ptLst>{points}</d:ptLst></d:dataModel>".encode())
    assert block is not None
    assert block.text == "- Plan\n- Build"


def test_a_title_slide_counts_as_read(tmp_path: Path, read_document: Callable[..., Document]) -> None:
    from pptx import Presentation

    deck = Presentation()
    deck.slides.add_slide(deck.slide_layouts[0]).shapes.title.text = "The Offer"
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "The Reply", "Nobody replied."
    deck.save(str(tmp_path / "d.pptx"))
    document = read_document("d.pptx")
    assert document.title == "The Offer"
    assert document.coverage.read == document.coverage.total == 2
    assert not document.coverage.omissions


def test_a_deck_of_pictures_is_skipped_with_what_it_has(tmp_path: Path, skip_reason: Callable[..., str]) -> None:
    from PIL import Image
    from pptx import Presentation

    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    deck = Presentation()
    for _ in range(2):
        deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_picture(str(tmp_path / "a.png"), 0, 0)
    deck.save(str(tmp_path / "d.pptx"))
    assert skip_reason("d.pptx") == "no text found: only images (slides 1–2)"
