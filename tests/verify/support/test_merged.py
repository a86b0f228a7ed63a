"""The merged weights in the user's cache, made from small parts."""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import zipfile
from pathlib import Path

import pytest

from rag.config import Settings, load_settings
from rag.errors import ModelError
from rag.verify.support import base
from rag.verify.support.merged import find_merged, load_merged, with_difference
from rag.verify.support.model import WEIGHTS, SupportConfig

pytestmark = pytest.mark.integration

NAME = "model/1"
TOKENIZER = '{"model": {}}'


@pytest.fixture
def cache(tmp_path: Path) -> Settings:
    return load_settings({"cache": tmp_path / "cache"})


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory with a difference, while the packaged parts are those of a small base."""
    import torch
    from safetensors.torch import save, save_file

    weights = save({"a": torch.ones(40, 50), "b": torch.ones(2), "pooler.x": torch.ones(1)})
    parts = [tmp_path / f"part.{number}" for number in range(base.BASE_PART_COUNT)]
    with zipfile.ZipFile(parts[0], "w") as archive:
        archive.writestr(f"{base.BASE_NAME}/model.safetensors", weights)
        archive.writestr(f"{base.BASE_NAME}/tokenizer.json", TOKENIZER)
    for part in parts[1:]:
        part.write_bytes(b"")
    monkeypatch.setattr(base, "find_parts", lambda: parts)
    monkeypatch.setattr(base, "BASE_SHA256", hashlib.sha256(weights).hexdigest())
    monkeypatch.setattr(base, "TOKENIZER_SHA256", hashlib.sha256(TOKENIZER.encode()).hexdigest())
    save_file({"b": torch.zeros(2)}, tmp_path / "difference.safetensors")
    return tmp_path


def remaining_files(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.cache_directory.iterdir() if path.suffix != ".lock")


def test_base_and_difference_are_merged_once_and_only_the_merged_file_stays(cache: Settings, directory: Path) -> None:
    reports: list[tuple[int, int]] = []
    assert find_merged(directory, NAME, cache) is None
    state, tokenizer = load_merged(directory, NAME, cache, lambda done, total: reports.append((done, total)))
    assert {name: value.sum().item() for name, value in state.items()} == {"a": 2000, "b": 0}
    assert tokenizer == TOKENIZER
    assert reports[-1][0] == reports[-1][1] > 0
    assert remaining_files(cache) == ["model-1.checked.json", "model-1.safetensors"]
    reports.clear()
    assert load_merged(directory, NAME, cache, lambda done, total: reports.append((done, total))).state.keys() == {
        "a",
        "b",
    }
    assert reports == []
    assert find_merged(directory, NAME, cache) == cache.cache_directory / "model-1.safetensors"


def test_another_difference_is_merged_again(cache: Settings, directory: Path) -> None:
    import torch
    from safetensors.torch import save_file

    load_merged(directory, NAME, cache)
    save_file({"b": torch.full((2,), 4.0)}, directory / "difference.safetensors")
    assert find_merged(directory, NAME, cache) is None
    assert load_merged(directory, NAME, cache).state["b"].tolist() == [4, 4]


def test_a_changed_file_is_made_again(cache: Settings, directory: Path) -> None:
    load_merged(directory, NAME, cache)
    path = cache.cache_directory / "model-1.safetensors"
    path.write_bytes(b"x" * path.stat().st_size)
    assert load_merged(directory, NAME, cache).tokenizer == TOKENIZER


def test_a_wrong_digest_leaves_no_file(cache: Settings, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "BASE_SHA256", "0" * 64)
    with pytest.raises(ModelError, match="weights have SHA-256"):
        load_merged(directory, NAME, cache)
    assert remaining_files(cache) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_is_an_error_and_no_partial_file_remains(cache: Settings, directory: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, before[1]))
    try:
        with pytest.raises(ModelError, match=r"the packaged verifier cannot be put into .*CITEBRIEF_CACHE"):
            load_merged(directory, NAME, cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, previous_handler)
    assert remaining_files(cache) == []


def test_a_missing_difference_is_an_error_that_names_the_fix(cache: Settings, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"difference\.safetensors cannot be read: pip install"):
        load_merged(tmp_path, NAME, cache)


def test_a_model_keeps_the_common_weights_that_its_difference_does_not_change(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    common = {"lower": torch.ones(2), "upper": torch.ones(2)}
    save_file({"upper": torch.zeros(2)}, tmp_path / "difference.safetensors")
    state = with_difference(common, tmp_path / "difference.safetensors")
    assert state["lower"] is common["lower"]  # in memory once, whatever number of models is loaded
    assert state["upper"].tolist() == [0, 0]


def test_a_model_of_other_weights_is_refused(tmp_path: Path) -> None:
    config = json.loads((WEIGHTS / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"base_difference_sha256": "0" * 64}))
    with pytest.raises(ModelError, match="from other weights"):
        SupportConfig.read(tmp_path)
