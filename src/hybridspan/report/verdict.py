"""One sentence on where an installation stands; the same for the page and for the closing summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hybridspan.report.amounts import counted
from hybridspan.report.model import RunReport, by_keyspace


@dataclass(frozen=True, slots=True)
class Overall:
    """`good`: done and proved; `warn`: something is open; `bad`: something failed or differs."""

    kind: Literal["good", "warn", "bad"]
    headline: str
    detail: str


def overall(report: RunReport) -> Overall:
    """The gravest thing first: failures, differences, what is open, what is unproved."""
    failed = [s for s in report.steps if s.state in ("failed", "interrupted", "refused")]
    if failed:
        return Overall("bad", "The run has stopped", f"{failed[0].id}: {failed[0].error or failed[0].reason}")
    different = [v for v in report.verdicts if v.state == "different"]
    if different:
        names = ", ".join(verdict.keyspace for verdict in different)
        return Overall("bad", "The data centers do not hold the same data", f"{names}: see the ranges below.")
    return _open_or_done(report)


def _open_or_done(report: RunReport) -> Overall:
    waiting = [s for s in report.steps if s.state in ("needed", "later", "not-reached")]
    if waiting:
        are = "is" if len(waiting) == 1 else "are"
        words = f"{counted(len(waiting), 'step')} {are} still to do"
        return Overall("warn", words, f"Next: {waiting[0].title} ({waiting[0].id}).")
    unproved = [v for v in report.verdicts if v.state == "unproved"]
    if unproved or not report.verdicts:
        names = ", ".join(verdict.keyspace for verdict in unproved) or "no verification is recorded"
        return Overall("warn", "Replicated, not proved", f"All steps are done, but: {names}.")
    if left := _never_compared(report):
        words = f"All steps are done, but no comparison of {', '.join(left)} is recorded: hybridspan verify makes one."
        return Overall("warn", "Replicated, not proved", words)
    return Overall("good", "Finished and proved", _proved(report))


def _never_compared(report: RunReport) -> list[str]:
    """Such as a region that somebody else put into service; the first one is what the others are compared with."""
    known = report.compared or tuple(region.datacenter for region in report.topology.new_regions)
    return [r.datacenter for r in report.topology.new_regions if r.datacenter not in known]


def _proved(report: RunReport) -> str:
    keyspaces = by_keyspace(report.verdicts)
    rows = sum(
        max((max(v.rows.values(), default=0) for v in found), default=0) for found in keyspaces.values()
    )
    said = f" {rows:,} rows were counted." if rows else ""
    centers = ", ".join(region.datacenter for region in report.topology.regions)
    return f"{centers} hold the same data in {counted(len(keyspaces), 'keyspace')}, compared range by range.{said}"
