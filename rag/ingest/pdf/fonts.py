"""Tell the fonts of a PDF whose letters are not those that a reader sees."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from rag.ingest.language import is_no_language
from rag.ingest.omissions import Tally
from rag.ingest.pdf.lines import PageContent
from rag.ingest.pdf.runs import Run

_UNKNOWN_SHARE = 0.2
_WORD = re.compile(r"[^\W\d_]{3,}")
_MIN_WORDS = 20
_MAX_WORDS = 300
_MAX_RUNS = 400


def drop_unreadable(pages: Sequence[PageContent], tally: Tally) -> None:
    """Remove the text in fonts that cannot be read from ``pages`` and count it.

    Such a font has no table that says which letter a glyph is, or a wrong one; what a program reads of it is not what
    is printed.
    """
    texts: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        for run in _runs(page):
            if len(texts[run.font]) < _MAX_RUNS:
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

    That is so if a fifth of its characters have no letter, or if at least twenty of its words are of no language.
    """
    text = " ".join(parts)
    solid = [char for char in text if not char.isspace()]
    if len(solid) >= 10 and text.count("\ufffd") > _UNKNOWN_SHARE * len(solid):
        return True
    # Capitals alone are often abbreviations.
    words = [word for word in _WORD.findall(text) if not word.isupper()]
    return len(words) >= _MIN_WORDS and is_no_language(" ".join(words[:_MAX_WORDS]))
