"""Remove what a page does not show, and free what extraction would drop: the page in a form, buttons in headings."""

from __future__ import annotations

import re
from typing import Any

from rag.ingest.clean import match_key
from rag.ingest.omissions import Tally

_PAGE_SHARE = 0.5
"""Share of a page's text from which on an element holds the page, and no part of it."""

_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?:^|[;{\s])opacity\s*:\s*0*(?:\.0+)?\s*(?:;|$|!)"
    r"|font-size\s*:\s*0*(?:\.0+)?\s*(?:[a-z%]+)?\s*(?:;|$|!)|text-indent\s*:\s*-\d{3,}"
    r"|clip\s*:\s*rect\(\s*0[a-z]*[\s,]+0[a-z]*[\s,]+0[a-z]*[\s,]+0[a-z]*\s*\)",
    re.IGNORECASE,
)
_POSITIONED = re.compile(r"position\s*:\s*(?:absolute|fixed)", re.IGNORECASE)
_OFF_SCREEN = re.compile(r"(?:left|top|right|bottom|margin-left)\s*:\s*-\d{3,}", re.IGNORECASE)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_SIMPLE_SELECTOR = re.compile(r"(?P<tag>[a-z][a-z0-9]*)?(?P<mark>[.#])(?P<name>-?[A-Za-z_][\w-]*)")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_NESTED = re.compile(r"@(?:media|supports|container|layer)[^{}]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_HIDDEN_CLASS = re.compile(
    r"(?:^|[\s_-])(?:visually-?hidden|sr-only|screen-reader(?:-text|-only)?)(?:-focusable)?(?:$|\s)", re.IGNORECASE
)
"""Names by which the style sheets of frameworks (Bootstrap, WordPress, GOV.UK) hide what only screen readers say."""

_SKIP_LINK = re.compile(r"(?:^|[\s_-])skip(?:$|[\s_-]|to|link|nav)", re.IGNORECASE)
_NO_TEXT = frozenset({"script", "style", "noscript", "template", "head", "title", "select", "option", "textarea"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt", "legend"})
_CONTROLS = ("aria-controls", "data-target", "data-bs-target")


def unwrap_page(tree: Any) -> None:
    """Remove the tags of forms and ``noscript`` elements that hold the page, and of buttons that are headings.

    A form that holds more than half of the page's text is the page, as ASP.NET writes it, and so is what such a page
    shows without scripts (the posts of a forum built by Discourse). A button in a heading, or one that shows and hides
    a part of the page, is the question of a list of questions and answers.
    """
    forms = list(tree.iter("form", "noscript"))
    if forms:
        whole = _length(tree)
        for form in forms:
            if form.getparent() is not None and _length(form) > _PAGE_SHARE * whole:
                form.drop_tag()
    for button in list(tree.iter("button")):
        parent = button.getparent()
        if parent is None:
            continue
        heading = next((node for node in button.iterancestors() if node.tag in _HEADINGS), None)
        if heading is not None:
            for name in (*_CONTROLS, "aria-expanded"):  # for what the button shows
                if button.get(name) is not None:
                    heading.set(name, button.get(name))
            button.drop_tag()
        elif (button.get("aria-expanded") or _target(button)) and len("".join(button.itertext()).split()) > 2:
            button.tag = "h6"


def remove_controls(tree: Any, tally: Tally) -> None:
    """Remove the edit links of MediaWiki's sections, links that skip a part of the page, and signs that link to places.

    A sign is a link without letters and digits, as the "¶" behind a heading.
    """
    for node in list(tree.iter("a", "span")):
        if node.getparent() is None:
            continue
        names, text = node.get("class") or "", "".join(node.itertext())
        if "mw-editsection" in names.split():
            tally.add("navigation and boilerplate", detail=text)
            node.drop_tree()
        elif node.tag == "a" and (node.get("href") or "").startswith("#"):
            if _SKIP_LINK.search(names):
                tally.add("navigation and boilerplate", detail=text)
                node.drop_tree()
            elif text.strip() and not match_key(text):
                node.drop_tree()


def remove_hidden(tree: Any, tally: Tally) -> None:
    """Remove the elements that are hidden by an attribute, their own style or a simple rule of the page's style sheet.

    What a button or a link of the page shows (the answer under a question) stays, and so does an element with more than
    half of the page's text: it is shown by a script.
    """
    rules = _hiding_rules(tree)
    hidden = [node for node in tree.iter() if isinstance(node.tag, str) and _is_hidden(node, rules)]
    if not hidden:
        return
    whole = _length(tree)
    revealed = _revealed(tree)
    for node in hidden:
        if node.getparent() is None or node in revealed or (node.get("id") or "") in revealed:
            continue
        length = _length(node)
        if not length:
            continue
        if length <= _PAGE_SHARE * whole:
            tally.add("hidden text", detail="".join(_texts(node)))
            node.drop_tree()


def _hiding_rules(tree: Any) -> set[tuple[str, str, str]]:
    """Return the simple selectors (``.name``, ``#name``, ``tag.name``) whose rules hide elements."""
    found = set()
    for sheet in tree.iter("style"):
        text = _NESTED.sub("", _COMMENT.sub("", sheet.text or ""))
        for selectors, body in _RULE.findall(text[:500_000]):
            if _hides(body):
                for selector in selectors.split(","):
                    if match := _SIMPLE_SELECTOR.fullmatch(selector.strip()):
                        found.add((match["tag"] or "", match["mark"], match["name"]))
    return found


def _hides(style: str) -> bool:
    return bool(_HIDING.search(style) or (_POSITIONED.search(style) and _OFF_SCREEN.search(style)))


def _is_hidden(node: Any, rules: set[tuple[str, str, str]]) -> bool:
    if node.get("hidden") is not None and node.get("hidden").lower() != "until-found":
        return True
    if (style := node.get("style")) and _hides(style):
        return True
    if _HIDDEN_CLASS.search(node.get("class") or ""):
        return True
    if not rules:
        return False
    marks = [(".", name) for name in (node.get("class") or "").split()]
    if node.get("id"):
        marks.append(("#", node.get("id")))
    return any((tag, mark, name) in rules for mark, name in marks for tag in ("", node.tag))


def _revealed(tree: Any) -> set[Any]:
    """Return the ids of the elements that buttons and links of the page show, and the elements right after them."""
    found: set[Any] = set()
    for node in tree.iter("button", "a", "h6", "summary", "div", "span", "h2", "h3", "h4", "h5", "label", "dt"):
        target = _target(node)
        if target:
            found.add(target)
        if node.get("aria-expanded") is not None or target:
            for near in (node, node.getparent()):
                if near is not None and (after := near.getnext()) is not None:
                    found.add(after)
    return found


def _target(node: Any) -> str:
    given = next((node.get(name) for name in _CONTROLS if node.get(name)), "")
    if not given and node.tag == "a" and (node.get("data-toggle") or node.get("data-bs-toggle")):
        given = node.get("href") or ""
    return str(given).lstrip("#")


def _texts(node: Any) -> list[str]:
    """Return the pieces of text that could be shown below ``node``."""
    texts = []
    for item in node.iter():
        if isinstance(item.tag, str) and item.tag not in _NO_TEXT and item.text:
            texts.append(item.text)
        if item is not node and item.tail:
            texts.append(item.tail)
    return texts


def _length(node: Any) -> int:
    return sum(len("".join(text.split())) for text in _texts(node))
