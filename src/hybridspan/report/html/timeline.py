"""The timeline: a bar for every step that was acted on, on an axis that leaves out the time between runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybridspan.report.amounts import duration
from hybridspan.report.html.elements import Markup, join, tag
from hybridspan.report.model import StepRecord

IDLE_SECONDS = 60.0
"""A pause longer than this, in which no step ran, is drawn as a short gap."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which something ran: it begins at `offset` on the axis."""

    start: float
    end: float
    offset: float


class Axis:
    """Unix times → seconds on an axis without idle stretches."""

    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        self._stretches: list[Stretch] = []
        for start, end in sorted(spans):
            last = self._stretches[-1] if self._stretches else None
            if last and start - last.end <= IDLE_SECONDS:
                self._stretches[-1] = Stretch(last.start, max(last.end, end), last.offset)
            else:
                offset = last.offset + (last.end - last.start) if last else 0.0
                self._stretches.append(Stretch(start, end, offset))

    @property
    def length(self) -> float:
        """Seconds, at least one."""
        last = self._stretches[-1]
        return max(last.offset + last.end - last.start, 1.0)

    @property
    def breaks(self) -> int:
        """How many idle times were left out."""
        return len(self._stretches) - 1

    def position(self, at: float) -> float:
        """Seconds from the axis' begin."""
        for stretch in reversed(self._stretches):
            if at >= stretch.start:
                return stretch.offset + min(at, stretch.end) - stretch.start
        return 0.0


def timeline(steps: Sequence[StepRecord]) -> Markup:
    """Bars in the order in which steps began; nothing where none has run."""
    ran = sorted((s for s in steps if s.started is not None), key=lambda step: step.started or 0.0)
    if not ran:
        return tag("p", "No step has been acted on yet.", class_="note")
    axis = Axis([_span(step) for step in ran])
    pauses = "One pause" if axis.breaks == 1 else f"{axis.breaks} pauses"
    note = f"{pauses} of more than a minute left out." if axis.breaks else None
    return join(
        _scale(axis), *(_line(step, axis) for step in ran), tag("p", note, class_="note") if note else None
    )


def _span(step: StepRecord) -> tuple[float, float]:
    start = step.started or 0.0
    return start, max(step.ended or start, start)


def _line(step: StepRecord, axis: Axis) -> Markup:
    start, end = _span(step)
    left = 100 * axis.position(start) / axis.length
    width = 100 * (axis.position(end) - axis.position(start)) / axis.length
    title = f"{step.title}: {step.reason}"
    bar = tag(
        "div",
        class_=f"bar {step.state}",
        style=f"left:{min(left, 99.6):.2f}%;width:{width:.2f}%",
        title=title,
    )
    took = duration(step.seconds) if step.seconds is not None else "not ended"
    return tag(
        "div",
        tag("div", tag("code", _middle_cut(step.id)), class_="name", title=step.id),
        tag("div", bar, class_="track"),
        tag("div", took, class_="took"),
        class_="line",
    )


def _middle_cut(text: str, most: int = 40) -> str:
    """Begin and end: ids of pods differ in their last sign."""
    return text if len(text) <= most else f"{text[: most - 16]}…{text[-15:]}"


def _scale(axis: Axis) -> Markup:
    marks = [
        tag(
            "i",
            duration(axis.length * part / 4),
            style=f"left:{25 * part}%" + (";transform:none" if part == 0 else ""),
        )
        for part in range(4)
    ]
    end = tag("div", duration(axis.length), class_="took")
    return tag("div", tag("div"), tag("div", *marks, class_="track"), end, class_="line axis")
