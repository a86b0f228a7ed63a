"""What the styles of an OpenDocument text say: title, heading of a level, hidden text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_HEADING = re.compile(r"heading[_ ](?:20_)?(\d{1,2})", re.IGNORECASE)
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_MAX_PARENTS = 50
"""Styles are based on others; a damaged file may have a loop."""


@dataclass(frozen=True, slots=True)
class Styles:
    """The styles of a document by family (``paragraph``, ``text``) and name: what each is based on, and shows."""

    parents: dict[tuple[str, str], str]
    displays: dict[tuple[str, str], str]

    @classmethod
    def of(cls, *trees: Any) -> Styles:
        """Return the styles in the parts of a document, of which the later ones take precedence."""
        parents: dict[tuple[str, str], str] = {}
        displays: dict[tuple[str, str], str] = {}
        for tree in trees:
            for style in tree.iter(f"{_STYLE}style"):
                key = (style.get(f"{_STYLE}family") or "paragraph", style.get(f"{_STYLE}name") or "")
                parents[key] = style.get(f"{_STYLE}parent-style-name") or ""
                properties = style.find(f"{_STYLE}text-properties")
                if properties is not None and (display := properties.get(f"{_TEXT}display")):
                    displays[key] = display
        return cls(parents, displays)

    def is_title(self, name: str) -> bool:
        """Whether a style is Title, or based on it."""
        return "Title" in self._chain(name)

    def heading_level(self, name: str) -> int:
        """Return the level of the heading style that a style is, or is based on; 0 if there is none."""
        levels = (found[1] for style in self._chain(name) if (found := _HEADING.fullmatch(style)))
        return min(int(next(levels, "0")), 9)

    def is_hidden(self, name: str, *, of_span: bool) -> bool:
        """Whether a style of spans, or of paragraphs, hides its text; the nearest one that says so decides."""
        family = "text" if of_span else "paragraph"
        displays = (self.displays.get((family, style), "") for style in self._chain(name, family))
        return next(filter(None, displays), "") == "none"

    def _chain(self, name: str, family: str = "paragraph") -> list[str]:
        chain: list[str] = []
        while name and name not in chain and len(chain) < _MAX_PARENTS:
            chain.append(name)
            name = self.parents.get((family, name), "")
        return chain
