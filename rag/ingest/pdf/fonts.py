"""Tell the fonts of a PDF whose letters are not those that a reader sees."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from rag.ingest.omissions import Tally
from rag.ingest.pdf.lines import PageContent
from rag.ingest.pdf.runs import Run

_UNKNOWN_SHARE = 0.2
_WORD = re.compile(r"[^\W\d_]{4,}")
_MIN_WORDS = 20
_MAX_WITHOUT_VOWEL = 0.35


def drop_unreadable(pages: Sequence[PageContent], tally: Tally) -> None:
    """Remove the text in fonts that cannot be read from ``pages`` and count it.

    Such a font has no table that says which letter a glyph is, or a wrong one; what a program reads of it is not what
    is printed.
    """
    texts: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        for run in _runs(page):
            texts[run.font].append(run.text)
    bad = {font for font, parts in texts.items() if is_gibberish(parts)}
    if not bad:
        return
    for page in pages:
        fonts = {run.font for run in _runs(page) if run.font in bad}
        for font in sorted(fonts):
            tally.add("unreadable font", part=page.number + 1, detail=f"font {font or 'without a name'}")
        page.runs = [None if run is not None and run.font in bad else run for run in page.runs]
        page.sideways = [
            [None if run is not None and run.font in bad else run for run in runs] for runs in page.sideways
        ]


def _runs(page: PageContent) -> Iterable[Run]:
    for runs in (page.runs, *page.sideways):
        for run in runs:
            if run is not None:
                yield run


def is_gibberish(parts: Sequence[str]) -> bool:
    """Whether the text of a font is not what is printed.

    That is so if a fifth of its characters have no letter, or if more than a third of at least twenty Latin words of
    four and more letters are without a vowel, which moves with the alphabet when a table is off by some places.
    """
    text = " ".join(parts)
    solid = [char for char in text if not char.isspace()]
    if len(solid) >= 10 and text.count("\ufffd") > _UNKNOWN_SHARE * len(solid):
        return True
    words = [word for word in _WORD.findall(_plain(text)) if word.isascii()]
    # Capitals alone are often abbreviations.
    words = [word for word in words if not word.isupper()] or words
    if len(words) < _MIN_WORDS:
        return False
    without = sum(not re.search("[aeiouy]", word, re.IGNORECASE) for word in words)
    return without > _MAX_WITHOUT_VOWEL * len(words)


def _plain(text: str) -> str:
    """Return ``text`` without accents."""
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
