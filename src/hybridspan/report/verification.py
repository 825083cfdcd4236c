"""What verification found, for a terminal: a line a keyspace, and every range that differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from hybridspan.report.model import Verdict
from hybridspan.report.rendering import Rendered

WORDS = {"same": "proved", "different": "different", "unproved": "not proved"}
COLOURS = {"same": "green", "different": "bold red", "unproved": "yellow"}


def render_verification(verdicts: Iterable[Verdict]) -> Rendered:
    """The verdicts in their order, then one sentence on all of them."""
    found = tuple(verdicts)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for verdict in found:
        state = Text(WORDS[verdict.state], style=COLOURS[verdict.state])
        table.add_row(state, verdict.keyspace, Text(verdict.summary), Text(_rows(verdict), style="dim"))
    differences = Text("\n".join(_differences(found)), style="red")
    total = Text(verification_sum(found), style="bold")
    return Rendered(Group(table, differences, total), tuple(_lines(found)))


def verification_sum(verdicts: Sequence[Verdict]) -> str:
    """Proved, not proved, or different; never `done` where something could not be compared."""
    different = sum(verdict.state == "different" for verdict in verdicts)
    unproved = sum(verdict.state == "unproved" for verdict in verdicts)
    if different:
        return f"{different} of {len(verdicts)} keyspaces differ between replicas."
    if unproved or not verdicts:
        return f"Replicated, not proved: {unproved} of {len(verdicts)} keyspaces could not be compared."
    return f"Proved: all {len(verdicts)} keyspaces hold the same data in every data center."


def _lines(verdicts: tuple[Verdict, ...]) -> Iterator[str]:
    for verdict in verdicts:
        rows = f" ({_rows(verdict)})" if verdict.rows else ""
        yield f"{WORDS[verdict.state]:10} {verdict.keyspace}: {verdict.summary}{rows}"
    yield from _differences(verdicts)
    yield verification_sum(verdicts)


def _differences(verdicts: Iterable[Verdict]) -> Iterator[str]:
    for verdict in verdicts:
        for found in verdict.differences:
            detail = f": {found.detail}" if found.detail else ""
            yield f"differs    {verdict.keyspace}.{found.table} on {found.node}, range {found.token_range}{detail}"


def _rows(verdict: Verdict) -> str:
    return ", ".join(f"{count:,} rows in {datacenter}" for datacenter, count in verdict.rows.items())
