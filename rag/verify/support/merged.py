"""The weights that the packaged models have in common, merged once into the user's cache, in bfloat16.

The verifier and both answer models (``rag/verify/answers``) are small differences to them, in their upper layers. The
merged file (220 MB) carries its tokenizer and is mapped into memory when it is loaded, so that what the models share is
there once. The base, which is twice as large, stays on the disk only while it is merged.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

from rag._internal import difference
from rag._internal.cached_file import CachedFile, OnBytes
from rag.errors import ModelError
from rag.verify.support import base

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from rag.config import Settings

TOKENIZER = "tokenizer"
"""The entry of the merged file's metadata that holds ``tokenizer.json``."""

COMMON_WEIGHTS = Path(__file__).parent / "common_weights"
"""Holds the difference of the common weights to the base."""

COMMON_NAME = "citebrief-support/3"
"""The model that the common weights are: the verifier before the one that ships now."""

ConfigT = TypeVar("ConfigT")

_NOT_IN_NETWORK = ("pooler.", "embeddings.position_ids")


class MergedWeights(NamedTuple):
    """What :func:`load_merged` returns."""

    state: dict[str, Any]
    """Parameters of :class:`rag.verify.support.network.SupportNetwork` in bfloat16, by name."""
    tokenizer: str
    """The content of ``tokenizer.json``."""


def find_merged(directory: Path, name: str, settings: Settings) -> Path | None:
    """Return the merged file in the user's cache, or None if it was not made yet. Loads no model."""
    return _cached(directory / "difference.safetensors", name, settings).find()


def load_merged(
    directory: Path, name: str, settings: Settings, on_bytes: OnBytes = lambda _, __: None
) -> MergedWeights:
    """Return the merged weights, making their file first if need be.

    Args:
        directory: has ``difference.safetensors``.
        name: the model's name, such as ``citebrief-support/3``.
        settings: where the cache is.
        on_bytes: called while the base is unpacked.

    Raises:
        ModelError: a part of the base is missing or damaged, a digest is wrong, or the disk is full.
    """
    from safetensors import safe_open

    changes = directory / "difference.safetensors"
    path = _cached(changes, name, settings).get(lambda file: _write(file, changes, on_bytes))
    with safe_open(path, framework="pt") as file:
        return MergedWeights(
            state={key: file.get_tensor(key) for key in file.keys()},  # noqa: SIM118  # not a mapping
            tokenizer=file.metadata()[TOKENIZER],
        )


def with_difference(state: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the parameters ``state`` with the difference in the file ``path`` added.

    Raises:
        ModelError: the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        changes = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    changed = {name: state[name] for name in difference.changed_names(changes)}
    return state | difference.merged(changed, changes)


def load_packaged(
    directory: Path, settings: Settings, on_bytes: OnBytes = lambda _, __: None
) -> tuple[dict[str, Any], Tokenizer]:
    """Return the parameters, in bfloat16, and the tokenizer of the model whose difference is in ``directory``.

    Raises:
        ModelError: see :func:`load_merged` and :func:`with_difference`.
    """
    from tokenizers import Tokenizer

    merged = load_merged(COMMON_WEIGHTS, COMMON_NAME, settings, on_bytes)
    tokenizer = Tokenizer.from_str(merged.tokenizer)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return with_difference(merged.state, directory / "difference.safetensors"), tokenizer


def read_config(directory: Path, parse: Callable[[dict[str, Any]], ConfigT], kind: str) -> ConfigT:
    """Return what ``parse`` makes of ``config.json`` in ``directory``, the configuration of a difference.

    Args:
        directory: has the configuration of a difference to the common weights.
        parse: raises KeyError or ValueError where a field is missing or wrong.
        kind: the kind of model, with its article, for messages.

    Raises:
        ModelError: there is no configuration, it lacks a field, or the difference is to other weights.
    """
    path = directory / "config.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        config, digest = parse(found), found["base_difference_sha256"]
    except (OSError, ValueError, KeyError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ModelError(f"{path}: no configuration of {kind}: {why}") from error
    if digest != common_digest():
        raise ModelError(f"{directory}: trained from other weights; train it again (see eval/training)")
    return config


@cache
def common_digest() -> str:
    """Return the SHA-256 of the difference of the common weights, which the configuration of each model names."""
    return hashlib.sha256((COMMON_WEIGHTS / "difference.safetensors").read_bytes()).hexdigest()


def _cached(changes: Path, name: str, settings: Settings) -> CachedFile:
    digest = hashlib.sha256(base.BASE_SHA256.encode())
    digest.update(base.TOKENIZER_SHA256.encode())
    try:
        digest.update(changes.read_bytes())
    except OSError as error:
        raise ModelError(f"{changes} cannot be read: pip install --force-reinstall --no-deps citebrief") from error
    path = settings.cache_directory / f"{name.replace('/', '-')}.safetensors"
    return CachedFile(path=path, identity=digest.hexdigest(), label="the packaged verifier")


def _write(file: IO[bytes], changes: Path, on_bytes: OnBytes) -> None:
    """Write the merged weights with their tokenizer to ``file``, which lies in the cache."""
    from safetensors import safe_open
    from safetensors.torch import load_file, save

    tokenizer = base.read_tokenizer()
    target = Path(file.name)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=target.name) as unpacked:  # removed with the leftovers
        base.unpack_weights(unpacked, on_bytes)
        unpacked.flush()
        with safe_open(unpacked.name, framework="pt") as weights:
            names = [name for name in weights.keys() if not name.startswith(_NOT_IN_NETWORK)]  # noqa: SIM118
            state = difference.merged({name: weights.get_tensor(name) for name in names}, load_file(changes))
    file.write(save(state, {TOKENIZER: tokenizer}))
