"""Warn where the question or the corpus is in a language that the packaged models do not know."""

from __future__ import annotations

from rag.embedding import count_tokens
from rag.store import Index

MIN_DETECTABLE_TOKENS = 4
"""Shorter questions do not show their language."""

NOTED_SHARE = 0.02
"""Share of the documents from which other languages are told: four translations among 700 documents are hardly ever
retrieved for a question in English, and the notice stood under every brief."""


def language_notices(question: str, index: Index) -> list[str]:
    """Return warnings if the question or a part of the corpus is in another language than English."""
    from rag.ingest import foreign_language

    notices = []
    if count_tokens(question) >= MIN_DETECTABLE_TOKENS and (language := foreign_language(question)):
        notices.append(
            f"The question seems to be in another language than English ({language}): expect poor retrieval."
        )
    languages = index.catalogue.languages()
    if languages and sum(languages.values()) >= NOTED_SHARE * index.catalogue.count()[0]:
        listed = ", ".join(f"{count} in {code}" for code, count in languages.items())
        notices.append(f"Some documents are not in English ({listed}): they are retrieved and checked less well.")
    return notices
