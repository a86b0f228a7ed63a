"""What is installed, which models and which index there are, and what would be used."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sqlite3

from rag.config import Settings
from rag.embedding import encoder
from rag.errors import CitebriefError
from rag.llm import local_model, resolve
from rag.store.index import Index

_SHOWN = (
    "torch",
    "sentence-transformers",
    "chromadb",
    "langchain-core",
    "langchain-openai",
    "openai",
    "xllamacpp",
    "ray",
)


def examine(settings: Settings) -> dict[str, str]:
    """Findings by name, in reading order. Loads no model and opens no connection but to the store."""
    return {
        "citebrief": importlib.metadata.version("citebrief"),
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "packages": ", ".join(f"{name} {_version(name)}" for name in _SHOWN),
        "sqlite": f"{sqlite3.sqlite_version}, full-text search {'there' if _has_fts5() else 'MISSING'}",
        "embedder": _embedder(settings),
        "local model": _local(settings),
        "model": _model(settings),
        "index": _index(settings),
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _has_fts5() -> bool:
    with sqlite3.connect(":memory:") as db:
        return any("ENABLE_FTS5" in row[0] for row in db.execute("PRAGMA compile_options"))


def _embedder(settings: Settings) -> str:
    if settings.embedder != "minilm":
        return settings.embedder
    try:
        genuine = encoder.weights_are_genuine()
    except (OSError, CitebriefError) as error:
        return f"minilm, which cannot be read: {error}"
    return f"minilm, packaged, weights {'as published' if genuine else 'NOT as published: install it again'}"


def _local(settings: Settings) -> str:
    if not local_model.installed():
        return f"not installed ({local_model.INSTALL_LOCAL})"
    joined = local_model.find_model_file(settings)
    return f"{local_model.MODEL_NAME}, {f'joined at {joined}' if joined else 'joined when first used'}"


def _model(settings: Settings) -> str:
    try:
        return f"--llm {settings.llm}: {resolve(settings.llm, settings).why}"
    except CitebriefError as error:
        return str(error)


def _index(settings: Settings) -> str:
    try:
        store = Index.open(settings.store, encoder.load_embedder(settings.embedder))
        documents, chunks = store.catalogue.count()
        found = f"{settings.store}: {documents} documents, {chunks} passages, fingerprint {store.fingerprint}"
        store.close()
    except CitebriefError as error:
        return str(error)
    return found
