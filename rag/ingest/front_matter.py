"""The front matter of a page, which site generators read: fields in YAML or TOML before its Markdown or HTML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date

from rag.ingest.header import date_field, title_field
from rag.ingest.omissions import Tally

_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_TOML_FRONT_MATTER = re.compile(r"\A\ufeff?\+\+\+[ \t]*\n(.*?)\n\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^([A-Za-z_][\w-]*)[ \t]*:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_OF_A_FIELD = re.compile(r"[ \t]|- |-?[ \t]*$|#|[}\])]")
"""A line that belongs to the field above it, a comment or a blank line."""

_STEERING = frozenset(
    (
        "aliases cover comments cspell css draft draft_id featured_image hide_table_of_contents hide_title icon id "
        "image js keywords lang language layout linktitle locale math menu nav nav_order nav_title order pagefind "
        "page_id parent path permalink position published redirect redirect_from redirect_to render search sidebar "
        "sidebar_label sidebar_position slug tag tags template thumbnail toc toc_max_heading_level url uuid weight"
    ).split()
)
"""Fields of a front matter that say how a site shows a page (Jekyll, Hugo, Docusaurus, MkDocs, Zola).

Read by name in 20 public collections (1,700 files with a front matter): of 1,746 values that are kept, 3 are no content
(``sort_by``, ``data_file``); of those left out, lists of authors, teams and pull requests and bare numbers are.
"""

_NO_PROSE = re.compile(r"(?:true|false|null|~)\Z|[\w./-]*/[\w./-]*\Z|\d+\Z", re.IGNORECASE)
"""A value that is a truth value, a path or a bare number."""


def split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """Return the fields of the front matter, keys in lower case, and the text after it.

    It is YAML between lines of ``---``, or TOML between lines of ``+++`` (Hugo, Zola). A field with a list, or with a
    table of links, has the value "". Of what is no YAML, such as ``title: Part 2: Costs``, each line ``name: value`` is
    a field. Text between two rules, which has no field or has other lines too, is no front matter.
    """
    if toml := _TOML_FRONT_MATTER.match(text):
        try:
            table = tomllib.loads(toml[1])
        except tomllib.TOMLDecodeError:
            return {}, text
        fields = {key.lower(): str(value) if isinstance(value, str | date) else "" for key, value in table.items()}
        return fields, text[toml.end() :]
    found = _FRONT_MATTER.match(text)
    fields = _yaml_fields(found[1]) if found else {}
    return (fields, text[found.end() :]) if found and fields else ({}, text)


def _yaml_fields(text: str) -> dict[str, str]:
    import yaml

    try:
        table = yaml.load(text, Loader=yaml.BaseLoader)  # strings, lists and mappings, no objects
    except yaml.YAMLError:
        table = None
    if not isinstance(table, dict):
        told = all(_FIELD.match(line) or _OF_A_FIELD.match(line) for line in text.split("\n"))
        return {key.lower(): _unquote(value) for key, value in _FIELD.findall(text)} if told else {}
    return {str(key).lower(): _yaml_value(value) for key, value in table.items()}


def _yaml_value(value: object) -> str:
    """Return a text on one line, and a table of short values as "name value; name value"; "" of a list or of links."""
    if isinstance(value, str):
        return " ".join(value.split())
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        return ""
    told = {name: each for name, each in value.items() if re.search(r"\w", each) and "://" not in each}
    return "; ".join(f"{name} {each}" for name, each in told.items() if not _NO_PROSE.match(each))


def other_fields(front: Mapping[str, str], tally: Tally) -> str:
    """Return the fields of a front matter that give no title or date and do not steer the site, a line each."""
    lines = []
    told = {title_field(front), date_field(front)}
    for name, value in front.items():
        if name in told:
            continue
        if name in _STEERING or not value or _NO_PROSE.match(value):
            tally.add("fields of the front matter", detail=name)
        else:
            lines.append(f"{name}: {value}")
    return "\n".join(lines)


def _unquote(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        inner = value[1:-1]
        return inner.replace('\\"', '"') if value[0] == '"' else inner.replace("''", "'")
    return re.sub(r"\s+#.*$", "", value)
