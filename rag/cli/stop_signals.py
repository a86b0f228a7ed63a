"""Ctrl-C and SIGTERM: the first one raises ``KeyboardInterrupt`` at once, a second one does not disturb what follows.

Python only makes a note of a signal, and calls the handler between two instructions of the main thread. One that comes
just before that thread enters a blocking call, or that the system hands to another thread, would go unnoticed until the
call returns; the reply of a model may take minutes.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from functools import cache

from rag.cli.exit_status import STOPPED

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

WAKE_AFTER = (0.1, 0.2, 0.5, 1.0)
"""Seconds to wait, one after another, before the main thread is woken after a stop signal.

Once would mostly do, but the main thread may again stand just before a blocking call.
"""


def heed_stop_signals() -> None:
    """Let the first Ctrl-C or SIGTERM from now on raise ``KeyboardInterrupt`` in the main thread.

    The second one only says that the third one quits at once, so that nobody who presses twice loses the draft that is
    being kept. A Ctrl-C that is ignored stays so, as a shell wants it of what it starts in the background.
    """
    count = 0

    def on_signal(*_: object) -> None:
        nonlocal count
        count += 1
        if count == 1:
            raise KeyboardInterrupt
        if count > 2:
            os._exit(STOPPED)
        # Not through Python's own buffer, which the signal may have interrupted.
        with suppress(OSError):  # nobody may read it any more
            os.write(2, b"\nstopping; press Ctrl-C again to quit at once\n")

    _wake_main_thread_on_stop()
    for number in STOP_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, on_signal)


@cache
def _wake_main_thread_on_stop() -> None:
    """Start a thread that interrupts the main thread's blocking call after each stop signal, so that handlers run.

    The system's part of Python's handler writes the number of each signal to a pipe, whatever the main thread does.
    """
    if not hasattr(signal, "pthread_kill"):
        return
    numbers, written = os.pipe()
    os.set_blocking(written, False)
    main_thread = threading.main_thread().ident
    assert main_thread is not None

    def wake() -> None:
        while number := os.read(numbers, 1):
            if number[0] in STOP_SIGNALS:
                for seconds in WAKE_AFTER:
                    time.sleep(seconds)
                    signal.pthread_kill(main_thread, signal.SIGURG)

    signal.signal(signal.SIGURG, lambda *_: None)  # it does nothing but end a blocking call; Python resumes the call
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    threading.Thread(target=wake, daemon=True, name="stop-signals").start()
