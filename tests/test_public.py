"""The public surface of ``rag``: every name of ``__all__`` is there, and importing it loads no model library."""

from __future__ import annotations

import subprocess
import sys

import pytest

import rag

HEAVY = ("torch", "sentence_transformers", "transformers", "chromadb", "langchain_openai", "openai", "sklearn", "ray")


@pytest.mark.parametrize("name", rag.__all__)
def test_each_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(rag, name).__doc__


def test_no_public_name_is_the_name_of_a_package_which_would_hide_it() -> None:
    from pathlib import Path

    packages = {path.name for path in Path(rag.__file__).parent.iterdir() if (path / "__init__.py").is_file()}
    assert not packages & set(rag.__all__)


def test_an_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="answr"):
        rag.answr  # noqa: B018


def test_importing_the_public_surface_loads_no_model_library() -> None:
    code = f"import sys; from rag import {', '.join(rag.__all__)}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
