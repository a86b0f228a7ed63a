"""Detect text in a language that the models do not know."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_SAMPLE_CHARACTERS = 2000
_MIN_LETTERS = 80
_MIN_CONFIDENCE = 0.99


def foreign_language(text: str) -> str | None:
    """Return the ISO 639-1 code of ``text``'s language if py3langid is confident that it is not English, else None.

    The sample is 2,000 characters after the first tenth of the text; a sample with fewer than 80 letters gives None.
    """
    opening = len(text) // 10
    sample = text[opening : opening + _SAMPLE_CHARACTERS]
    if sum(char.isalpha() for char in sample) < _MIN_LETTERS:
        return None
    language, confidence = _identifier().classify(sample)
    return str(language) if language != "en" and confidence >= _MIN_CONFIDENCE else None


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier: LanguageIdentifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return identifier
