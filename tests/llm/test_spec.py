"""Which model a spec names, and what the user is told about it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.config import Settings, load_settings
from rag.errors import UsageError
from rag.llm import local_model, resolve

KEY = "sk-secret-0123456789"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the key, the server and the settings file of whoever runs the tests."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "OPENAI_API_BASE", "OPENAI_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    def settings(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return load_settings()

    return settings


def test_auto_is_openai_if_there_is_a_key_and_the_user_is_told(environment: Callable[..., Settings]) -> None:
    choice = resolve("auto", environment(OPENAI_API_KEY=KEY))
    assert (choice.kind, choice.name) == ("openai", "gpt-4.1-mini")
    assert "passages leave this machine" in choice.why
    assert "$" in choice.why
    assert KEY not in choice.why


def test_the_reasoning_of_a_model_is_part_of_what_a_brief_may_cost(environment: Callable[..., Settings]) -> None:
    settings = environment(OPENAI_API_KEY=KEY)
    cost = re.compile(r"about \$([\d.]+) a brief(?:, and up to \$([\d.]+) with what it reasons)?$")
    plain, reasoning = (
        cost.search(resolve(f"openai:{model}", settings).why) for model in ("gpt-4.1-mini", "gpt-5-mini")
    )
    assert plain is not None
    assert plain[2] is None
    assert reasoning is not None
    assert float(reasoning[2]) > 2 * float(reasoning[1])


@pytest.mark.skipif(not local_model.installed(), reason=f"needs {local_model.INSTALL_LOCAL}")
def test_auto_is_the_local_model_if_the_key_is_empty(environment: Callable[..., Settings]) -> None:
    assert resolve("auto", environment(OPENAI_API_KEY="", OPENAI_BASE_URL="")).kind == "local"


@pytest.mark.parametrize("url", ["http://localhost:8000/v1", "http://127.0.0.1:8000/v1", "http://[::1]:8000/v1"])
def test_a_server_on_loopback_needs_no_key_and_no_passage_leaves_the_machine(
    url: str, environment: Callable[..., Settings]
) -> None:
    choice = resolve("auto", environment(OPENAI_BASE_URL=url, OPENAI_MODEL="qwen3"))
    assert (choice.kind, choice.name) == ("openai", "qwen3")
    assert "leave" not in choice.why


def test_an_unknown_price_is_reported(environment: Callable[..., Settings]) -> None:
    settings = environment(OPENAI_BASE_URL="https://models.example/v1", OPENAI_API_KEY=KEY)
    choice = resolve("openai:home-made", settings)
    assert "models.example" in choice.why
    assert "price" in choice.why


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ("openai:gpt-5-mini", "OPENAI_API_KEY"),
        ("gpt-5-mini", "openai:MODEL"),
        ("openai:", "openai:MODEL"),
        ("local:missing.gguf", "missing.gguf"),
        ("", "extractive"),
    ],
)
def test_an_invalid_spec_is_a_usage_error_that_names_the_fix(spec: str, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        resolve(spec, load_settings())


@pytest.mark.parametrize("url", ["localhost:8000/v1", "models.example", "ftp://models.example"])
def test_an_invalid_base_url_is_a_usage_error(url: str, environment: Callable[..., Settings]) -> None:
    with pytest.raises(UsageError, match="OPENAI_BASE_URL"):
        resolve("openai:m", environment(OPENAI_BASE_URL=url))


def test_resolving_a_spec_imports_nothing_heavy() -> None:
    code = (
        "import sys; from rag.config import load_settings; from rag.llm import resolve;"
        "resolve('auto', load_settings());"
        "heavy = ('torch', 'langchain_openai', 'openai', 'httpx2', 'genai_prices', 'xllamacpp');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_extractive_is_no_model() -> None:
    assert resolve("extractive", load_settings()).kind == "extractive"
