"""One sentence on where an installation stands; the same for the page and for the closing summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hybridspan.report.model import RunReport


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
        return Overall(
            "warn", f"{len(waiting)} steps are still to do", f"Next: {waiting[0].title} ({waiting[0].id})."
        )
    unproved = [v for v in report.verdicts if v.state == "unproved"]
    centers = ", ".join(region.datacenter for region in report.topology.regions)
    if unproved or not report.verdicts:
        names = ", ".join(verdict.keyspace for verdict in unproved) or "no verification is recorded"
        return Overall("warn", "Replicated, not proved", f"All steps are done, but: {names}.")
    rows = sum(max(verdict.rows.values(), default=0) for verdict in report.verdicts)
    counted = f" {rows:,} rows were counted." if rows else ""
    detail = (
        f"{centers} hold the same data in {len(report.verdicts)} keyspaces, compared range by range.{counted}"
    )
    return Overall("good", "Finished and proved", detail)
