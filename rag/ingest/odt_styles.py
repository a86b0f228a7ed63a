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
    """The styles of a document: the one that each is based on, and the names of those that hide text."""

    parents: dict[str, str]
    hidden: frozenset[str]

    @classmethod
    def of(cls, *trees: Any) -> Styles:
        """Return the styles in the parts of a document, of which the later ones take precedence."""
        parents: dict[str, str] = {}
        hidden = set()
        for tree in trees:
            for style in tree.iter(f"{_STYLE}style"):
                name = style.get(f"{_STYLE}name") or ""
                parents[name] = style.get(f"{_STYLE}parent-style-name") or ""
                properties = style.find(f"{_STYLE}text-properties")
                if properties is not None and properties.get(f"{_TEXT}display") == "none":
                    hidden.add(name)
        return cls(parents, frozenset(hidden))

    def is_title(self, name: str) -> bool:
        """Whether a style is Title, or based on it."""
        return "Title" in self._chain(name)

    def heading_level(self, name: str) -> int:
        """Return the level of the heading style that a style is, or is based on; 0 if there is none."""
        levels = (found[1] for style in self._chain(name) if (found := _HEADING.fullmatch(style)))
        return min(int(next(levels, "0")), 9)

    def is_hidden(self, name: str) -> bool:
        """Whether a style hides its text."""
        return name in self.hidden

    def _chain(self, name: str) -> list[str]:
        chain: list[str] = []
        while name and name not in chain and len(chain) < _MAX_PARENTS:
            chain.append(name)
            name = self.parents.get(name, "")
        return chain
