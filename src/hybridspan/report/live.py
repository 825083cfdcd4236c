"""What a run says while it runs: a tree with times on a terminal, plain lines elsewhere. Both go to stderr."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol, Self, TextIO

from hybridspan.plan.model import PlannedStep
from hybridspan.report.amounts import counted, duration

if TYPE_CHECKING:
    from rich.console import RenderableType

ID_WIDTH = 44
COLOURS = {
    "changed": "green",
    "failed": "bold red",
    "interrupted": "bold red",
    "not-reached": "dim",
    "": "dim",
}
MARKS = {"unchanged": "=", "changed": "✓", "failed": "✗", "not-reached": "·", "interrupted": "!"}


class Display(AbstractContextManager["Display"], Protocol):
    """Hears the run's events and shows them."""

    def event(self, kind: str, step: PlannedStep, document: Mapping[str, Any]) -> None: ...

    def paused(self) -> AbstractContextManager[None]:
        """Draws nothing for as long as the context lasts, so that a person can be asked."""
        ...


def display(steps: Sequence[PlannedStep], stream: TextIO = sys.stderr) -> Display:
    """A tree where the stream is a terminal, lines where it is not."""
    return LiveTree(steps, stream) if stream.isatty() else PlainLines(stream)


def sentence(kind: str, document: Mapping[str, Any]) -> str:
    """The words of one event; empty for events that need none."""
    if kind == "failed":
        error = document["error"]
        return f"{error['code']} {error['message']}" + (f": {error['why']}" if "why" in error else "")
    if kind == "retrying":
        return f"{document['error']['message']}; tried again in {document['delay']:.1f} s"
    if kind == "progress":
        fraction = document.get("fraction")
        return str(document["text"]) + (f" ({fraction:.0%})" if fraction is not None else "")
    return str(document.get("reason", ""))


class _Lately:
    """What each has said last: `most` lines of it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._said: dict[str, deque[str]] = {}

    def has(self, who: str, words: str) -> bool:
        """Whether they are among its last lines; they are from now on."""
        lately = self._said.setdefault(who, deque(maxlen=self._most))
        if words in lately:
            return True
        lately.append(words)
        return False


class OneLine:
    """What is going on, in a line that is written over, and gone at the end.

    Where there is no terminal, a line each, unless the same was said of that node last.
    """

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._is_live = stream.isatty()
        self._lately = _Lately(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")

    def __call__(self, text: str, fraction: float | None, details: Mapping[str, Any]) -> None:
        if self._is_live:
            self._write(text if fraction is None else f"{text} ({fraction:.0%})")
        elif not self._lately.has(str(details.get("node", "")), text):
            self._write(text)

    def _write(self, text: str) -> None:
        if self._is_live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r{text[:width]}\x1b[K")
        elif text:
            self._stream.write(f"{text}\n")
        self._stream.flush()


class PlainLines:
    """One line an event, with the seconds since the start; repeated progress is left out."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._start = time.monotonic()
        # Pods take turns in saying the same.
        self._lately = _Lately(8)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def event(self, kind: str, step: PlannedStep, document: Mapping[str, Any]) -> None:
        if kind in ("checking", "verifying"):
            return
        words = sentence(kind, document)
        # But for a percentage.
        if self._lately.has(step.id, words.partition(" (")[0]) and kind in ("progress", "waiting"):
            return
        line = f"{self._label(kind, document):10} {step.id}  {words}"
        print(f"{time.monotonic() - self._start:7.1f}s {line}", file=self._stream, flush=True)

    def paused(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _label(self, kind: str, document: Mapping[str, Any]) -> str:
        if kind != "finished":
            return kind
        return {"changed": "done", "not-reached": "stopped"}.get(str(document["state"]), "unchanged")


class LiveTree:
    """A line a step, drawn again several times a second: mark, title, words, seconds."""

    def __init__(self, steps: Sequence[PlannedStep], stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        self._steps = {s.id: s for s in steps}
        self._words: dict[str, str] = {}
        self._state: dict[str, str] = {}
        self._began: dict[str, float] = {}
        self._took: dict[str, float] = {}
        # The first picture is drawn while Live is being made.
        self._console = console = Console(file=stream)
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=4, transient=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def event(self, kind: str, step: PlannedStep, document: Mapping[str, Any]) -> None:
        now = time.monotonic()
        self._began.setdefault(step.id, now)
        if kind in ("finished", "failed", "interrupted"):
            self._took[step.id] = now - self._began[step.id]
        self._state[step.id] = document["state"] if kind == "finished" else kind
        if words := sentence(kind, document):
            self._words[step.id] = words

    @contextmanager
    def paused(self) -> Iterator[None]:
        self._live.stop()
        try:
            yield
        finally:
            self._live.start(refresh=True)

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=1)
        table.add_column(no_wrap=True, max_width=ID_WIDTH)
        table.add_column(ratio=1)
        table.add_column(justify="right", width=12)
        for step_id in self._visible():
            table.add_row(*self._row(step_id))
        return Group(*(Text(line, style="dim") for line in self._in_place()), table)

    def _in_place(self) -> list[str]:
        """Steps that found nothing to do are a number: what is done and what is going on needs the room."""
        count = sum(state == "unchanged" for state in self._state.values())
        return [f"{MARKS['unchanged']} {counted(count, 'step')} as they should be"] if count else []

    def _visible(self) -> list[str]:
        """All that has been acted on and the next few: a tree of sixty steps does not fit a screen."""
        begun: list[str] = [s for s in self._steps if self._state.get(s, "unchanged") != "unchanged"]
        ahead: list[str] = [s for s in self._steps if s not in self._state]
        height = max(self._console.height - 6, 8)
        return (begun + ahead[:3])[-height:]

    def _row(self, step_id: str) -> tuple[RenderableType, ...]:
        from rich.text import Text

        state = self._state.get(step_id, "")
        colour = COLOURS.get(state, "cyan")
        is_over = step_id in self._took
        words = self._words.get(step_id, "").removeprefix(f"{step_id.rsplit('/', 1)[-1]} ")
        return (
            Text(MARKS.get(state, "▸" if state else " "), style=colour),
            Text(step_id, style=colour),
            # What is going on may take two lines; what is over is cut, and whole in the journal.
            Text(words, no_wrap=is_over, overflow="ellipsis" if is_over else "fold"),
            Text(self._time(step_id), style="dim"),
        )

    def _time(self, step_id: str) -> str:
        took = self._took.get(step_id)
        if took is None and step_id in self._began:
            took = time.monotonic() - self._began[step_id]
        return "" if took is None else duration(took)
