"""Findings of ``citebrief doctor``: installed packages, models, the index, and what a command would use."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sqlite3

from rag._internal.processor import best_chunk_precision, best_precision
from rag.config import Settings
from rag.embedding import weights_are_genuine
from rag.errors import CitebriefError
from rag.llm import check_server, local_model, open_embedder, resolve, resolve_embedder
from rag.store import Index
from rag.verify import VerifierChoice, find_support_model, verifier_of_writer

_PACKAGES = (
    "torch",
    "sentence-transformers",
    "chromadb",
    "langchain-core",
    "langchain-openai",
    "openai",
    "xllamacpp",
    "ray",
)


def diagnose(settings: Settings) -> dict[str, str]:
    """Return the findings by name, in reading order. Loads no model and opens no connection except to the store."""
    return {
        "citebrief": importlib.metadata.version("citebrief"),
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "packages": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        "sqlite": f"{sqlite3.sqlite_version}, full-text search {'there' if _has_fts5() else 'MISSING'}",
        "embedder": _embedder(settings),
        "local model": _local_model(settings),
        "model": _model(settings),
        "verifier": _verifier(settings),
        "index": _index(settings),
    }


def ask_model(settings: Settings) -> tuple[dict[str, str], bool]:
    """Put one tiny question to the model of the settings. Return the findings, and whether it gave a usable answer."""
    try:
        choice = resolve(settings.llm, settings)
        if choice.kind == "extractive":
            return {"answer": "extractive is no model: there is nothing to ask"}, True
        checked = check_server(choice, settings)
    except CitebriefError as error:
        return {"answer": str(error)}, False
    return checked.findings, checked.answered


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
        try:
            choice = resolve_embedder(settings)
        except CitebriefError as error:
            return str(error)
        return choice.why() if choice else f"{settings.embedder}, passages in {best_precision()}"
    try:
        genuine = weights_are_genuine()
    except (OSError, CitebriefError) as error:
        return f"minilm, which cannot be read: {error}"
    weights = "as published" if genuine else "NOT as published: install it again"
    return f"minilm, packaged, passages in {best_chunk_precision()}, weights {weights}"


def _local_model(settings: Settings) -> str:
    if not local_model.installed():
        return f"not installed ({local_model.INSTALL_LOCAL})"
    joined = local_model.find_model_file(settings)
    return f"{local_model.MODEL_NAME}, {f'joined at {joined}' if joined else 'joined when first used'}"


def _model(settings: Settings) -> str:
    try:
        return f"--llm {settings.llm}: {resolve(settings.llm, settings).why}"
    except CitebriefError as error:
        return str(error)


def _verifier(settings: Settings) -> str:
    try:
        verifier = verifier_of_writer(resolve(settings.llm, settings), settings)
    except CitebriefError as error:
        return str(error)
    if verifier is None:
        return f"--verifier {settings.verifier}: none, since every sentence is a quotation"
    return f"--verifier {settings.verifier}: {verifier.spec}{_packaged_verifier(verifier, settings)}"


def _packaged_verifier(verifier: VerifierChoice, settings: Settings) -> str:
    """Return in which precision the packaged verifier runs and where it is, if ``verifier`` has a part in it."""
    if not verifier.uses_packaged_model:
        return ""
    path = find_support_model(settings)
    return f" in {best_precision()}, {f'unpacked at {path}' if path else 'unpacked when first used'}"


def _index(settings: Settings) -> str:
    try:
        index = Index.open(settings.store, open_embedder(settings))
        documents, chunks = index.catalogue.count()
        finding = f"{settings.store}: {documents} documents, {chunks} passages, fingerprint {index.fingerprint}"
        index.close()
    except CitebriefError as error:
        return str(error)
    return finding
