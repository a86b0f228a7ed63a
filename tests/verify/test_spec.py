"""Specs of verifiers: what each names, and what is wrong with the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.config import Settings, load_settings
from rag.errors import UsageError
from rag.llm import ModelChoice
from rag.verify import VerifierChoice, connect_verifier, resolve_verifier, verifier_of_writer

REMOTE = ModelChoice(kind="openai", name="gpt-4.1-mini", why="at api.openai.com")
LOCAL = ModelChoice(kind="local", name="qwen", why="on this machine")
EXTRACTIVE = ModelChoice(kind="extractive", name="extractive", why="no model")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "CITEBRIEF_VERIFIER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    return load_settings()


def test_auto_is_the_packaged_verifier_unless_the_writer_is_remote(settings: Settings) -> None:
    assert resolve_verifier("auto", settings) == VerifierChoice(kind="support")
    assert resolve_verifier("auto", settings, LOCAL) == VerifierChoice(kind="support")
    remote = resolve_verifier("auto", settings, REMOTE)
    assert (remote.kind, remote.model) == ("support+llm", REMOTE)
    assert remote.shares_model_with(REMOTE)
    assert "the same model" in remote.describe(REMOTE)


def test_extractive_has_no_verifier_but_the_spec_must_be_one(settings: Settings) -> None:
    other = settings.model_copy(update={"verifier": "llm:openai:other"})
    assert verifier_of_writer(EXTRACTIVE, other) is None
    with pytest.raises(UsageError, match="--verifier nonsense: not one of auto, support"):
        verifier_of_writer(EXTRACTIVE, settings.model_copy(update={"verifier": "nonsense"}))


@pytest.mark.parametrize("spec", ["support", "llm:openai:other", "support+llm:openai:other"])
def test_a_resolved_spec_names_the_same_verifier_again(spec: str, settings: Settings) -> None:
    choice = resolve_verifier(spec, settings, REMOTE)
    assert choice.spec == spec
    assert not choice.shares_model_with(REMOTE)


def test_a_directory_is_named_absolutely(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "nli").mkdir()
    assert resolve_verifier("hf:./nli", settings).spec == f"hf:{tmp_path / 'nli'}"
    assert resolve_verifier("hf:nli", settings).spec == f"hf:{tmp_path / 'nli'}"
    assert resolve_verifier("hf:someone/nli", settings).spec == "hf:someone/nli"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nli", "--verifier nli: not one of auto, support, llm:SPEC, hf:PATH_OR_ID, support"),
        ("", "--verifier : not one of"),
        ("support:x", "--verifier support:x: not one of"),
        ("llm", "--verifier llm: not one of"),
        ("llm:", "--verifier llm:: not one of"),
        ("hf:", "--verifier hf:: not one of"),
        ("hf:./nowhere", "--verifier hf:./nowhere: no such folder"),
        ("llm:gpt", "--verifier llm:gpt: not one of auto, openai:MODEL"),
        ("llm:extractive", "--verifier llm:extractive: a verifier needs a model"),
        ("support[+]llm:local:no.gguf", "--verifier support[+]llm:local:no.gguf: no such file"),
    ],
)
def test_another_spec_is_refused_with_its_fault(spec: str, message: str, settings: Settings) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_verifier(spec.replace("[+]", "+"), settings)


def test_a_remote_verifier_needs_a_key(settings: Settings) -> None:
    with pytest.raises(UsageError, match="--verifier llm:openai:other: set OPENAI_API_KEY"):
        resolve_verifier("llm:openai:other", settings.model_copy(update={"openai_base_url": None}))


def test_a_chat_verifier_needs_a_client(settings: Settings) -> None:
    with pytest.raises(ValueError, match="needs a client of its model"):
        connect_verifier(resolve_verifier("llm:openai:other", settings))
