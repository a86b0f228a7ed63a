"""Does a sentence of a small model add anything to what it was written from?

The packaged verifier is no judge of what such a model words itself: it accepted each of 39 sentences that a model of
1.5 billion parameters wrote from notes of two collections that nothing was trained on, and a reader found 17 fully
supported. What tells these apart is how much of a sentence is in the words of its sources.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.text import content_stems, words_of
from rag.verify.facts import missing

MAX_OWN_SHARE = 0.05
"""Largest share of content words that neither the sources nor their titles have."""

_ASSERTION_WORDS = frozenset(
    (
        "not no never none nor neither cannot without denied deny allegedly alleged reportedly reported may might "
        "could would said says told stated testified claimed according admitted assessed concluded found believed "
        "suggested proposed planned attempted tried offered considered discussed only partly "
        "if unless except when until"
    ).split()
)
"""Words that decide what is asserted, by whom and under which condition."""

_RELATION_WORDS = frozenset(
    (
        "because therefore thus hence consequently despite although though due leading resulting causing resulted "
        "caused led after before following subsequently later then until since response result however instead "
        "nevertheless while when"
    ).split()
)
"""Words that relate one statement to another."""


def addition_to_sources(sentence: str, sources: Sequence[tuple[str, str]]) -> str | None:
    """Return in a few words what ``sentence`` adds to ``sources``, titles and texts; None if it adds nothing."""
    known = [f"{title}\n{text}" for title, text in sources]
    if absent := missing(sentence, known):
        return f"no passage has {', '.join(absent)}"
    words = set(words_of(sentence.lower()))
    known_words = {word for text in known for word in words_of(text.lower())}
    if added := sorted(words & (_ASSERTION_WORDS | _RELATION_WORDS) - known_words):
        return f"says {', '.join(added)}, which its passage does not"
    stems, known_stems = content_stems(sentence), content_stems("\n".join(known))
    if len(stems - known_stems) > MAX_OWN_SHARE * len(stems):
        return f"brings words of its own: {', '.join(sorted(_words_of_stems(sentence, stems - known_stems)))}"
    return None


def _words_of_stems(text: str, stems: frozenset[str]) -> set[str]:
    """Return the words of ``text`` that have one of ``stems``."""
    return {word for word in words_of(text) if content_stems(word) & stems}
