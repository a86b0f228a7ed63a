"""Where sentences begin and end, as offsets.

sentencex (Wikimedia) does the splitting; what it cannot know about this kind of prose is mended
here by joining: a company's form after a full stop (``Trump Org. LLC``), initials before a surname
(``J.D. Gordon``), and a piece that opens in lower case. Joining is the safe mistake: half a
sentence is never taken for a whole one.
"""

from __future__ import annotations

import re

_INITIALS = re.compile(r"(?:^|[\s(“\"])(?:[A-Z]\.\s?)+$")
_ABBREVIATION = re.compile(
    r"\b(?:Org|Inc|Ltd|Co|Corp|Bros|Dept|Div|Sec|Para|Fig|Ex|Exs|Vol|Ch|App|Supp|Cir|Cong|Rep|Sen|Gov|Gen|Col|Lt|Capt|Sgt"
    r"|Maj|Adm|Amb|Hon|Rev|St|Mt|Ft|Jr|Sr|No|Nos|pp?|ca?f?|vs?|al|approx|est|e\.g|i\.e)\.\s*$"
)
_CONTINUES = re.compile(r"\s*(?:[a-z0-9,;:)\]]|(?:LLC|LLP|Inc|Corp|Ltd|GmbH|AG|SA)\b)")


def split(text: str) -> list[tuple[int, int]]:
    """``(start, end)`` of each sentence of ``text``, white space around it left out.

    A blank line always ends a sentence; a single line break does not.
    """
    import sentencex

    spans: list[tuple[int, int]] = []
    for paragraph in re.finditer(r"\S(?:.|\n(?!\s*\n))*", text):
        offset = paragraph.start()
        joined: list[str] = []
        for piece in _pieces(sentencex.segment("en", paragraph.group()), paragraph.group()):
            if joined and _belongs(joined[-1], piece):
                joined[-1] += piece
            else:
                joined.append(piece)
        for piece in joined:
            body = piece.strip()
            if body:
                start = offset + len(piece) - len(piece.lstrip())
                spans.append((start, start + len(body)))
            offset += len(piece)
    return spans


def _pieces(found: list[str], text: str) -> list[str]:
    # Offsets are sums of lengths, so the pieces must make up the text; should they ever not, it stays whole.
    return found if "".join(found) == text else [text]


def _belongs(before: str, piece: str) -> bool:
    """Whether ``piece`` goes on with the sentence that ``before`` seemed to end."""
    if _CONTINUES.match(piece) and before.rstrip().endswith("."):
        return True
    return bool(_INITIALS.search(before.rstrip()) or _ABBREVIATION.search(before))
