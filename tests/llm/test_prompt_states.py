"""States of the local model that are kept in the user's cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.llm.prompt_states import MAX_KEPT_STATES, PromptStates


@pytest.fixture
def states(tmp_path: Path) -> PromptStates:
    return PromptStates(directory=tmp_path / "prompts", reader="weights 1, 2 threads")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "saved"
    path.write_bytes(b"a state")
    return path


def test_a_kept_state_is_copied(states: PromptStates, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    assert not states.fetch("Merge.", target)
    states.keep("Merge.", source)
    assert states.fetch("Merge.", target)
    assert target.read_bytes() == b"a state"


def test_a_state_of_another_prompt_or_reader_is_not_used(states: PromptStates, source: Path, tmp_path: Path) -> None:
    states.keep("Merge.", source)
    other = PromptStates(directory=states.directory, reader="weights 2, 2 threads")
    assert not states.fetch("Rewrite.", tmp_path / "target")
    assert not other.fetch("Merge.", tmp_path / "target")


def test_a_state_that_was_changed_is_not_used(states: PromptStates, source: Path, tmp_path: Path) -> None:
    states.keep("Merge.", source)
    [kept] = states.directory.glob("*.state")
    kept.write_bytes(b"half")
    assert not states.fetch("Merge.", tmp_path / "target")


def test_the_oldest_states_are_removed(states: PromptStates, source: Path, tmp_path: Path) -> None:
    for number in range(MAX_KEPT_STATES + 2):
        states.keep(f"Prompt {number}.", source)
    assert len(list(states.directory.glob("*.state"))) == MAX_KEPT_STATES
    assert not states.fetch("Prompt 0.", tmp_path / "target")
    assert states.fetch(f"Prompt {MAX_KEPT_STATES + 1}.", tmp_path / "target")


def test_a_cache_that_cannot_be_written_to_is_no_error(source: Path, tmp_path: Path) -> None:
    states = PromptStates(directory=source / "prompts", reader="weights")  # below a file
    states.keep("Merge.", source)
    assert not states.fetch("Merge.", tmp_path / "target")
