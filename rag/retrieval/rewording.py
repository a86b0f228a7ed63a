"""What happens to the words of a query before it is searched for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.retrieval.query_marks import normalize_characters
from rag.retrieval.query_numbers import spell_out_numbers
from rag.retrieval.spelling import correct_spelling, spelling_changes

if TYPE_CHECKING:
    from rag.store import Index


def reword_query(index: Index, query: str) -> str:
    """Return ``query`` in the characters, spellings and notations that the documents of ``index`` are likely to have.

    Dense and lexical search both get the result. See :func:`normalize_characters`,
    :func:`correct_spelling` and :func:`spell_out_numbers`, which are applied in this order.
    """
    return spell_out_numbers(correct_spelling(index.catalogue, normalize_characters(query)))


def rewording_notices(index: Index, query: str) -> list[str]:
    """Return a line for each word of ``query`` in whose place another one is searched for, for the person who asks."""
    changes = spelling_changes(index.catalogue, normalize_characters(query))
    return [f"no document has {word!r}: searched for {other!r} in its place" for word, other in changes.items()]
