"""Events as lines of JSON, and what happens when they cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag._internal import events


def test_an_event_names_the_question_of_its_context(tmp_path: Path) -> None:
    with events.log_events_to(str(tmp_path / "log")):
        with events.question_scope("q1"):
            events.log_event("retried", status=429, after=1.5)
        events.log_event("paused")
    events.log_event("after the block")
    first, second = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert first == {"at": first["at"], "event": "retried", "question": "q1", "status": 429, "after": 1.5}
    assert second == {"at": second["at"], "event": "paused"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_log_that_cannot_be_written_is_reported_once_and_ignored(capfd: pytest.CaptureFixture[str]) -> None:
    with events.log_events_to("/dev/full"):
        events.log_event("first")
        events.log_event("second")
    assert capfd.readouterr().err == "--log-json /dev/full: cannot be written any more; going on without it\n"
