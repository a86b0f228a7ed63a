"""Ctrl-C and SIGTERM: the first is heeded whatever the process waits for, the second disturbs nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from command_line import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")

TAKEN_BY_ANOTHER_THREAD = """
import signal, socket, threading, time
from rag.cli.stop_signals import heed_stop_signals

def take_signal():
    time.sleep(0.3)  # the main thread waits by then
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

heed_stop_signals()
here, there = socket.socketpair()
threading.Thread(target=take_signal, daemon=True).start()
try:
    {wait}
except KeyboardInterrupt:
    print("stopped")
"""

COUNTED = """
import os, signal
from rag.cli.stop_signals import heed_stop_signals

heed_stop_signals()
for number in range({count}):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        print("stopped by", number, flush=True)
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("wait", ["here.recv(1)", "threading.Event().wait()"])
def test_a_stop_that_another_thread_takes_ends_the_main_threads_wait(wait: str) -> None:
    done = run(TAKEN_BY_ANOTHER_THREAD.format(wait=wait))
    assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr


def test_the_second_stop_is_told_how_to_quit_and_the_third_quits() -> None:
    twice, thrice = (run(COUNTED.format(count=count)) for count in (2, 3))
    assert (twice.returncode, twice.stdout) == (0, "stopped by 0\n")
    assert "press Ctrl-C again to quit at once" in twice.stderr
    assert (thrice.returncode, thrice.stdout) == (130, "stopped by 0\n")


def test_the_second_stop_disturbs_nothing_where_nobody_reads_what_is_told() -> None:
    done = run(f"import os; os.close(2)\n{COUNTED.format(count=2)}\nprint('kept')")
    assert (done.returncode, done.stdout) == (0, "stopped by 0\nkept\n")


def test_a_ctrl_c_that_the_process_ignores_from_its_start_stays_ignored() -> None:
    ignore = "import os, signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    code = f"{ignore}; from rag.cli.stop_signals import heed_stop_signals; heed_stop_signals()"
    done = run(f"{code}; os.kill(os.getpid(), signal.SIGINT); print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)")
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
