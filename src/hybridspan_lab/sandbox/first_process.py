"""The first process of a pid namespace: hands signals on to its program, collects orphans, ends as the program did.

The kernel drops a signal for such a process when it has neither a handler nor the signal blocked. So the signals are
blocked before the process exists (`hold_signals`), and it takes them one by one: none is lost, however early it comes.
"""

from __future__ import annotations

import os
import signal
from typing import NoReturn

FORWARDED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


def hold_signals() -> set[int]:
    """Lets signals wait until `stand_by` takes them, and returns the mask that a forked program puts back."""
    return signal.pthread_sigmask(signal.SIG_BLOCK, (*FORWARDED, signal.SIGCHLD))


def take_signals(mask: set[int]) -> None:
    """Undoes `hold_signals`: signals act on this process again, also those that waited."""
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def stand_by(program: int) -> NoReturn:
    """Hands signals on to the child `program` until it has ended; the exit code is the program's. Needs `hold_signals`."""
    while True:
        number = signal.sigwait((*FORWARDED, signal.SIGCHLD))
        if number == signal.SIGCHLD:
            _collect(program)
        else:
            # The program is this process's child and not yet collected, so its number is still its own.
            os.kill(program, number)


def _collect(program: int) -> None:
    """Collects whatever has ended (one SIGCHLD may stand for several) and ends with the program."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == program:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
        if not pid:
            return
