"""Parse reStructuredText with docutils so that nothing is read from disk, run, or printed."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docutils import nodes

_PARSER_LOCK = threading.Lock()  # docutils keeps the roles that a document defines in a table of the module
_SETTINGS: dict[str, Any] = {
    "_disable_config": True,  # no docutils.conf of the working directory
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": 5,  # nothing is reported, and nothing stops the parser
    "halt_level": 6,
    "warning_stream": False,
    "line_length_limit": 10_000_000,
    "syntax_highlight": "none",
    "doctitle_xform": False,
    "docinfo_xform": False,
}
_DIRECTIVE = re.compile(r"\.\.[ ]+(?P<name>[\w:+.-]+?)[ ]?::(?:[ ]+(?P<argument>.*)|$)")
_OPTION = re.compile(r"[ ]*:[\w -]+:(?:[ ].*)?$")
_CAPTION = re.compile(r"[ ]*:caption:[ ]+(?P<text>.*)")
_ROLE = re.compile(r"(?::[\w:+.-]+:)?`(?P<text>.*?)`(?::[\w:+.-]+:)?_{0,2}", re.DOTALL)
_WITH_TARGET = re.compile(r"(?P<text>.*?)\s*<[^<>]*>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """A directive that docutils does not know, or may not run: its name, argument, caption and the text below it."""

    name: str
    argument: str
    caption: str
    content: str


def parse_rst(text: str) -> nodes.document:
    """Return the tree of ``text``.

    Directives and roles that docutils does not know, as Sphinx's, are nodes of the kinds ``system_message`` and
    ``problematic``; :func:`split_directive` and :func:`role_text` read these.
    """
    from docutils.core import publish_doctree
    from docutils.parsers.rst import roles

    table: dict[str, Any] = vars(roles)["_roles"]
    with _PARSER_LOCK:
        known = dict(table)
        try:
            return publish_doctree(text, settings_overrides=_SETTINGS)
        finally:
            table.clear()
            table.update(known)


def split_directive(source: str) -> Directive | None:
    """Split the source of a directive, or return None if it is none."""
    first, _, below = source.strip("\n").partition("\n")
    found = _DIRECTIVE.match(first.strip())
    if not found:
        return None
    lines = below.split("\n")
    argument = [found["argument"] or ""]
    while lines and lines[0].strip() and not _OPTION.match(lines[0]):
        if not found["argument"]:  # the text begins in the line after the name
            break
        argument.append(lines.pop(0).strip())
    caption = ""
    while lines and (not lines[0].strip() or _OPTION.match(lines[0])):
        option = _CAPTION.match(lines.pop(0))
        caption = option["text"].strip() if option else caption
    return Directive(name=found["name"], argument=" ".join(argument).strip(), caption=caption, content=_dedent(lines))


def role_text(source: str) -> str:
    """Return what a reader sees of inline mark-up that docutils could not resolve.

    ``:ref:`the guide <guide>``` → ``the guide``; ``:class:`~http.client.HTTPConnection``` → ``HTTPConnection``;
    ``|version|`` → ``version``; ``name_`` → ``name``.
    """
    found = _ROLE.fullmatch(source)
    if not found:
        return source.strip("|_`*") or source
    text = found["text"].replace("\x00", "")
    titled = _WITH_TARGET.fullmatch(text)
    if titled and titled["text"]:
        text = titled["text"]
    elif text.startswith("~"):
        text = text.rsplit(".", 1)[-1].lstrip("~")
    return text.lstrip("!")


def _dedent(lines: list[str]) -> str:
    filled = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    margin = min(filled, default=0)
    return "\n".join(line[margin:] for line in lines).strip("\n")
