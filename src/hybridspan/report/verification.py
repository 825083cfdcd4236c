"""What verification found, for a terminal: a line a keyspace, every range that differs, and one sentence on all of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hybridspan.report.model import Verdict
from hybridspan.report.rendering import Rendered
from hybridspan.verification.model import VerificationResult

WORDS = {"same": "proved", "different": "different", "unproved": "not proved"}
COLOURS = {"same": "green", "different": "bold red", "unproved": "yellow"}


def render_verification(results: Iterable[VerificationResult], file: str = "hybrid.yaml") -> Rendered:
    """Each data center with its keyspaces, then the sum; `file` is the topology's, for the command that goes on."""
    found = tuple(results)
    parts: list[RenderableType] = [part for result in found for part in _parts(result)]
    lines = [line for result in found for line in _lines(result)]
    total, following = verification_sum(found), next_move(found, file)
    said = [line for line in (total, f"next: {following}" if following else "") if line]
    return Rendered(Group(*parts, Text("\n".join(said), style="bold")), (*lines, *said))


def verification_sum(results: Sequence[VerificationResult]) -> str:
    """Proved, not proved, or different; never `proved` where something could not be compared."""
    different = [result.datacenter for result in results if result.has_differences]
    open_ones = [result.datacenter for result in results if not result.is_proved]
    missing = [result.datacenter for result in results if result.problems]
    if different:
        does = "does" if len(different) == 1 else "do"
        return f"Different: {', '.join(different)} {does} not hold what the others hold."
    if missing:
        are = "is" if len(missing) == 1 else "are"
        return f"Not proved: {', '.join(missing)} {are} not what is declared; the problems stand above."
    if open_ones or not results:
        return f"Replicated, not proved: {', '.join(open_ones) or 'nothing was compared'}."
    return f"Proved: {_holds([result.datacenter for result in results])} what the others hold."


def _holds(datacenters: Sequence[str]) -> str:
    return f"{', '.join(datacenters)} {'holds' if len(datacenters) == 1 else 'hold'}"


def next_move(results: Sequence[VerificationResult], file: str) -> str:
    """What to do about it; nothing where all is proved."""
    verify, status = (shlex.join(("hybridspan", word, file)) for word in ("verify", "status"))
    if any(result.has_differences for result in results):
        return f"{verify} --repair shows the repairs of just these ranges, and asks before it starts them"
    if any(result.problems for result in results):
        return f"see to the problems above ({status} shows nodes and keyspaces), then {verify} again"
    if any(not result.is_proved for result in results):
        return f"{verify} --count counts the rows in each data center, which is less than a proof"
    return ""


def _parts(result: VerificationResult) -> Iterator[RenderableType]:
    yield Text(_title(result), style="bold")
    for problem in result.problems:
        yield Text(f"problem: {problem}", style="bold red")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for verdict in result.keyspaces:
        state = Text(WORDS[verdict.state], style=COLOURS[verdict.state])
        table.add_row(state, verdict.keyspace, Text(verdict.summary), Text(_rows(verdict), style="dim"))
    yield table
    for line in _differences(result):
        yield Text(line, style="red")


def _lines(result: VerificationResult) -> Iterator[str]:
    yield _title(result)
    yield from (f"problem    {problem}" for problem in result.problems)
    for verdict in result.keyspaces:
        rows = f" ({_rows(verdict)})" if verdict.rows else ""
        yield f"{WORDS[verdict.state]:10} {verdict.keyspace}: {verdict.summary}{rows}"
    yield from _differences(result)


def _title(result: VerificationResult) -> str:
    return f"{result.datacenter} compared with {result.source}"


def _differences(result: VerificationResult) -> Iterator[str]:
    for verdict in result.keyspaces:
        for found in verdict.differences:
            detail = f": {found.detail}" if found.detail else ""
            place = f"{found.table} on {found.node}, range {found.token_range}"
            yield f"differs    {place}{detail}"


def _rows(verdict: Verdict) -> str:
    return ", ".join(f"{count:,} rows in {datacenter}" for datacenter, count in verdict.rows.items())
