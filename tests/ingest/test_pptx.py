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
