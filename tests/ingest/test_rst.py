from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rag.types import Document

PEP = """PEP: 8
Title: Style of ``Python`` Code
Author: A. Writer <a@example.org>,
        B. Writer
Status: Active
Created: 05-Jul-2001

Abstract
========

It was *signed* by `Acme <https://example.org>`_ [1]_ in ``October``.

Terms
=====

The fees are:

- a **fee**
- a tip::

    tip = 2
      more

- a share

A. one office
B. another

term
    What it means.

=====  ======
year   event
=====  ======
2015   signed
=====  ======

.. [1] A footnote.
"""

SPHINX = """.. _arms:

==================
Arms and *Control*
==================

See :ref:`the guide <guide>`, :class:`~http.client.HTTPConnection` and |version|.

.. versionadded:: 3.2
   The *limit* was added.

.. py:function:: limit(arms, *, by)
   :noindex:

   Limits the arms.

   .. tip:: Ask :role-without-text:`first`.

   .. code-block:: python
      :linenos:

      if arms:
          limit(arms)

.. unheard-of:: With an argument

   And a paragraph.

.. toctree::

   other/page
"""


def test_header_headings_lists_and_tables_are_read_without_markup(read_document: Callable[..., Document]) -> None:
    document = read_document("pep-0008.rst", PEP)
    assert (document.title, document.date) == ("PEP 8: Style of Python Code", "2001-07-05")
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "Abstract"), (1, "Terms")]
    assert document.text == (
        "PEP: 8\nAuthor: A. Writer <a@example.org>, B. Writer\nStatus: Active\nCreated: 05-Jul-2001\n\n"
        "Abstract\n\nIt was signed by Acme in October.\n\n"
        "Terms\n\nThe fees are:\n\n- a fee\n- a tip:\n\n    tip = 2\n      more\n\n- a share\n\n"
        "A. one office\nB. another\n\n"
        "term: What it means.\n\nyear; event\n2015; signed"
    )


def test_the_mark_of_an_item_says_how_deep_it_is_nested(read_document: Callable[..., Document]) -> None:
    text = "Pier\n====\n\n- Budget\n\n  - Approved\n\n- Dates\n"
    assert read_document("a.rst", text).text == "- Budget\n– Approved\n- Dates"


def test_directives_and_roles_of_sphinx_give_their_text_and_print_nothing(
    read_document: Callable[..., Document], capfd: pytest.CaptureFixture[str]
) -> None:
    document = read_document("arms.rst", SPHINX)
    assert document.title == "Arms and Control"
    assert document.text == (
        "See the guide, HTTPConnection and version.\n\nAdded in version 3.2: The limit was added.\n\n"
        "limit(arms, *, by)\n\nLimits the arms.\n\nAsk first.\n\n    if arms:\n        limit(arms)\n\n"
        "With an argument\n\nAnd a paragraph."
    )
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "directive",
    [
        ".. include:: {path}",
        ".. literalinclude:: {path}",
        ".. raw:: html\n   :file: {path}",
        ".. csv-table:: T\n   :file: {path}",
        ".. raw:: html\n\n   <script>SECRET</script>",
        ".. note::\n\n   .. include:: {path}",
        ".. unheard-of::\n\n   .. include:: {path}",
    ],
)
def test_no_file_is_inserted_and_nothing_raw_is_kept(
    read_document: Callable[..., Document], tmp_path: Path, directive: str
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    text = read_document("a.rst", f"Before it.\n\n{directive.format(path=secret)}\n\nAfter it.\n").text
    assert "SECRET" not in text
    assert text.startswith("Before it.")
    assert text.endswith("After it.")


def test_role_that_one_document_defines_is_unknown_in_the_next(read_document: Callable[..., Document]) -> None:
    read_document("a.rst", ".. role:: ref\n\nText with :ref:`x <y>`.")
    assert read_document("b.rst", "Text with :ref:`x <y>`.").text == "Text with x."


@pytest.mark.parametrize(
    "text",
    [
        "- " * 600 + "The end.",
        "   " * 300 + "The end.",
        ".. a::\n\n   " * 30 + "The end.",
        "The end.\n=\n\n|a|_ `x <\n*",
        "x" * 20_000,
    ],
    ids=["lists", "quotes", "directives", "broken", "long line"],
)
def test_hostile_text_is_read(read_document: Callable[..., Document], text: str) -> None:
    assert read_document("a.rst", text).text


def test_an_empty_cell_keeps_its_place_in_the_row(read_document: Callable[..., Document]) -> None:
    table = "====  =====  =====\nLock  Boats  Since\n====  =====  =====\nNore  \\      1998\n====  =====  =====\n"
    assert read_document("a.rst", f"Locks\n=====\n\n{table}").text.endswith("Lock; Boats; Since\nNore; ; 1998")


def test_captions_of_code_are_read_and_footnotes_counted(read_document: Callable[..., Document]) -> None:
    code = ".. code-block:: text\n   :linenos:\n   :caption: The *fees* of May\n\n   fee = 40\n"
    notes = ".. [1] Waived in 2019.\n.. [#] And in 2020.\n"
    document = read_document("a.rst", f"Fees\n====\n\nThey rise.\n\n{code}\n{notes}")
    assert document.text == "They rise.\n\nThe fees of May\n\n    fee = 40"
    assert [(item.what, item.count) for item in document.coverage.omissions] == [("footnotes", 2)]
