"""Ctrl-C, SIGTERM or a closed terminal, at any moment -> one line and a true exit code.

While networks train, `training.callbacks.Signals` takes the signals over, to save an epoch first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = tuple(getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n))


class Interrupted(KeyboardInterrupt):
    """A signal came; what was half-done is cleaned up on the way out."""

    def __init__(self, number: int) -> None:
        """Take the signal's number."""
        self.number = number
        self.exit_code = 128 + number
        super().__init__(number)


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Interrupted` at the first signal, after saying so; leave silently at a second one.

    A second signal is heeded until the very end of the process, so that an impatient Ctrl-C shows
    no traceback. Signals that whoever started us has switched off (nohup) stay off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heeded = [n for n in NUMBERS if signal.getsignal(n) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, _stop) for number in heeded}
    try:
        yield
    finally:
        if not any(signal.getsignal(number) is _leave for number in heeded):
            for number, handler in before.items():
                signal.signal(number, handler)


def _stop(number: int, _: FrameType | None) -> None:
    for each in NUMBERS:
        if signal.getsignal(each) is _stop:
            signal.signal(each, _leave)
    end_of_bar = "\n" if sys.stderr.isatty() else ""
    name = signal.Signals(number).name
    line = f"{end_of_bar}error: stopped by {name}; the same command goes on\n"
    with contextlib.suppress(OSError):  # the terminal itself may be gone
        os.write(2, line.encode())
    raise Interrupted(number)


def _leave(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)  # whatever is written appears whole or not at all
