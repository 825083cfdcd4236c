"""Ctrl-C ends a command within seconds, also where a library holds a thread in a call that does not answer."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Sequence
from types import FrameType
from typing import Any, Final, TypeVar

from hybridspan.errors import EXIT_INTERRUPTED, HybridspanError

Result = TypeVar("Result")

WORDS: Final = "interrupted; what was begun goes on in the world, the next run finds it by looking"
GRACE_SECONDS: Final = 5.0
"""How long an interrupted command may take to close what it has open."""
SPEAKING_SECONDS: Final = 1.0
"""How long the end by force waits for words that are just being written: a reader that takes nothing must not keep it."""
_speaking: Final = threading.Lock()
_told: Final = threading.Event()


async def interruptible(main: Coroutine[Any, Any, Result]) -> Result:
    """The coroutine's result, under `asyncio.run`: its cancellation at Ctrl-C stays, and gets a deadline.

    After GRACE_SECONDS the process ends as it is. Nothing is lost by that: the journal is on disk line by line, and
    whatever interrupts a run, the next one looks at the world.
    """
    cancelling = signal.getsignal(signal.SIGINT)
    if not callable(cancelling) or threading.current_thread() is not threading.main_thread():
        return await main

    def on_signal(number: int, frame: FrameType | None) -> None:
        deadline = threading.Timer(GRACE_SECONDS, _leave)
        deadline.daemon = True
        deadline.start()
        cancelling(number, frame)

    signal.signal(signal.SIGINT, on_signal)
    return await main


def interrupted() -> HybridspanError:
    """The end by Ctrl-C, as `--json` tells it."""
    hint = "run the command again: it goes on where the world is"
    return HybridspanError("HS-CLI-013", "interrupted", why=WORDS, hint=hint)


def tell(arguments: Sequence[str]) -> None:
    """The words, and with `--json` the document: of a command that came to its end by itself."""
    with _speaking:
        _told.set()
        _say(arguments)


def _leave() -> None:
    # Threads may keep a command that has told everything from ending; it must not be told twice.
    is_our_turn = _speaking.acquire(timeout=SPEAKING_SECONDS)
    if is_our_turn and not _told.is_set():
        _say(sys.argv)
    os._exit(EXIT_INTERRUPTED)


def _say(arguments: Sequence[str]) -> None:
    print(WORDS, file=sys.stderr, flush=True)
    if "--json" in arguments:
        print(json.dumps({"error": interrupted().to_document()}, indent=2), flush=True)
