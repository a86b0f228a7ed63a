"""Is this text in a language that the models do not know?"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_SAMPLE = 2000
_CONFIDENT = 0.99


def foreign_language(text: str) -> str | None:
    """The ISO 639-1 code of ``text``'s language if that is, confidently, not English; else None.

    Judged by py3langid on the first 2,000 characters past the opening; under 80 characters nothing is claimed.
    """
    opening = len(text) // 10
    sample = text[opening : opening + _SAMPLE]
    if sum(char.isalpha() for char in sample) < 80:
        return None
    language, confidence = _identifier().classify(sample)
    return str(language) if language != "en" and confidence >= _CONFIDENT else None


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier: LanguageIdentifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return identifier
