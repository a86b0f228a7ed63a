"""Requests to a system in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rag.eval.bench.peers.interface import Options
from rag.eval.bench.peers.process import SystemEnded, SystemFailed, SystemProcess

pytestmark = pytest.mark.integration

OPTIONS = Options(base_url="http://127.0.0.1:9/v1", api_key="key", model="model", embedding="folder", k=8)
PYTHON = Path(sys.executable)


def test_versions_of_a_systems_packages_cross_the_processes(tmp_path: Path) -> None:
    with SystemProcess("citebrief_cli", PYTHON, OPTIONS, tmp_path / "log") as system:
        versions, cost = system.ask("versions", timeout=60)
    assert set(versions) >= {"python", "citebrief", "chromadb"}
    assert 0 <= cost.core_seconds <= cost.core_seconds_since_start


def test_an_error_of_a_system_is_reported_and_the_process_goes_on(tmp_path: Path) -> None:
    with SystemProcess("citebrief_cli", PYTHON, OPTIONS, tmp_path / "log") as system:
        with pytest.raises(SystemFailed, match="citebrief_cli fly: ValueError: fly: not a command"):
            system.ask("fly", timeout=60)
        assert system.ask("versions", timeout=60)


def test_a_system_that_is_not_there_names_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        SystemProcess("no_such_system", PYTHON, OPTIONS, log) as system,
        pytest.raises(SystemEnded, match=r"no_such_system.*the process ended; see .*log"),
    ):
        system.ask("versions", timeout=60)
    assert "No module named" in log.read_text()
