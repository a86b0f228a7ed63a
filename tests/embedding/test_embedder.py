from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rag.embedding import count_tokens, load_embedder, load_encoder
from rag.errors import UsageError


def test_minilm_and_the_packaged_encoder_are_created_once_and_have_one_name() -> None:
    assert load_embedder("minilm") is load_embedder("minilm")
    assert load_encoder() is load_encoder()
    assert load_embedder("minilm").name == load_encoder().name == "minilm"


def test_embedder_at_a_path_is_named_by_its_weights(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    assert load_embedder(str(tmp_path / "model")).name == "model@9a129038"


def test_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere: no such folder"):
        load_embedder(str(tmp_path / "nowhere"))


def test_special_tokens_are_not_counted() -> None:
    assert (count_tokens(""), count_tokens("the embassy")) == (0, 2)


def test_importing_the_package_and_counting_tokens_imports_no_model_library() -> None:
    code = (
        "import sys; from rag.embedding import count_tokens; count_tokens('a'); "
        "print([name for name in ('torch', 'transformers', 'langchain_core', 'openai') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
