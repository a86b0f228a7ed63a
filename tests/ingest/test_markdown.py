from __future__ import annotations

from collections.abc import Callable

from rag.types import Document

MARKDOWN = """---
title: "The Letter of Intent"
date: 2015-10-28
---

# The Letter of Intent

It was **signed** in [October](https://example.org)[^1] and
ran to *seventeen* pages.<sup>2</sup>

## Terms

- a licence fee
- a share of sales
  1. of flats
  2. of offices

| year | event |
| --- | --- |
| 2015 | signed |

> They said "yes".

```
code  stays
```

[^1]: A footnote that
    has two lines.
"""


def test_markdown_becomes_plain_text_with_headings_and_without_footnotes(
    read_document: Callable[..., Document],
) -> None:
    document = read_document("letter.md", MARKDOWN)
    assert (document.title, document.date) == ("The Letter of Intent", "2015-10-28")
    assert [(heading.level, heading.text) for heading in document.headings] == [(2, "Terms")]
    assert document.text == (
        "It was signed in October and ran to seventeen pages.\n\nTerms\n\n"
        "- a licence fee\n- a share of sales\n1. of flats\n2. of offices\n\n"
        'year; event\n2015; signed\n\nThey said "yes".\n\ncode stays'
    )


def test_footnote_number_without_brackets_is_removed_and_other_numbers_stay(
    read_document: Callable[..., Document],
) -> None:
    text = "They met in 2016. 12 The next day they left. 40 people came, and 12 stayed.\n\n[^12]: A source.\n"
    assert read_document("a.md", text).text == (
        "They met in 2016. The next day they left. 40 people came, and 12 stayed."
    )
