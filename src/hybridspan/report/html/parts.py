"""The page's lists and tables: replication, verification, pre-flight, steps with their commands, what was really sent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping

from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.world import Finding
from hybridspan.report.amounts import counted, duration
from hybridspan.report.html.elements import Markup, badge, join, table, tag
from hybridspan.report.model import ActRecord, MatrixRow, RunReport, StepRecord, Verdict
from hybridspan.report.model import matrix_datacenters as columns_of
from hybridspan.report.model import replication_matrix as rows_of

STATES: Mapping[str, tuple[str, str]] = {
    "changed": ("done", "good"),
    "unchanged": ("in place", "idle"),
    "failed": ("failed", "bad"),
    "interrupted": ("interrupted", "bad"),
    "not-reached": ("not reached", "idle"),
    "needed": ("to do", "note"),
    "later": ("later", "note"),
    "refused": ("refused", "bad"),
}
VERDICTS: Mapping[str, tuple[str, str]] = {
    "same": ("proved", "good"),
    "different": ("different", "bad"),
    "unproved": ("not proved", "warn"),
}
SEVERITIES: Mapping[str, tuple[str, str]] = {
    "refuse": ("refused", "bad"),
    "warn": ("warning", "warn"),
    "unknown": ("not seen", "note"),
    "pass": ("right", "good"),
}


def replication(ring: RingFacts, report: RunReport, colours: Mapping[str, str]) -> Markup:
    """Keyspaces down, data centers across; the colour is the data center's, pale where it holds nothing."""
    datacenters = columns_of(ring, report.topology)
    head = tag(
        "tr",
        tag("th", "Keyspace"),
        *(tag("th", d, class_="cell") for d in datacenters),
        tag("th", "Strategy"),
    )
    body = [_matrix_row(row, datacenters, colours) for row in rows_of(ring, datacenters)]
    made = tag("table", tag("thead", head), tag("tbody", *body), class_="matrix")
    return tag("div", made, class_="scroll")


def _matrix_row(row: MatrixRow, datacenters: tuple[str, ...], colours: Mapping[str, str]) -> Markup:
    cells = []
    for datacenter, factor in zip(datacenters, row.factors, strict=True):
        colour = colours.get(datacenter, "#8891a0") if factor else "#8891a0"
        style = f"color:{colour};background:{colour}{'26' if factor else '14'}"
        cells.append(tag("td", tag("span", factor or "none", class_="factor", style=style), class_="cell"))
    name = tag("code", row.keyspace, class_="soft" if row.is_system else None)
    return tag("tr", tag("td", name), *cells, tag("td", tag("span", row.strategy, class_="soft")))


def verification(verdicts: tuple[Verdict, ...]) -> Markup:
    """One line a keyspace, and every range that differs."""
    if not verdicts:
        return tag("p", "No verification has been recorded yet: hybridspan verify.", class_="note")
    counted = any(verdict.rows for verdict in verdicts)
    heads = ("Keyspace", "Result", "What was found") + (("Rows",) if counted else ())
    rows = [_verdict_row(verdict, counted=counted) for verdict in verdicts]
    different = [difference for verdict in verdicts for difference in verdict.differences]
    if not different:
        return table(heads, rows)
    listed = table(
        ("Node", "Range", "Table", ""),
        [
            (tag("code", d.node), tag("code", d.token_range), tag("code", d.table), d.detail)
            for d in different
        ],
    )
    return join(table(heads, rows), tag("h3", "Ranges that differ"), listed)


def _verdict_row(verdict: Verdict, *, counted: bool) -> tuple[str | float | None, ...]:
    rows = ", ".join(f"{datacenter} {count:,}" for datacenter, count in verdict.rows.items())
    row = (tag("code", verdict.keyspace), badge(*VERDICTS[verdict.state]), verdict.summary)
    return (*row, rows) if counted else row


def findings(found: tuple[Finding, ...]) -> Markup:
    """Pre-flight, the gravest first; what is right is counted, and opens on a click."""
    order = list(SEVERITIES)
    ranked = sorted(found, key=lambda finding: order.index(finding.severity))
    grave = [f for f in ranked if f.severity != "pass"]
    right = [f for f in ranked if f.severity == "pass"]
    if not right:
        return _findings(grave)
    head = tag("summary", f"{counted(len(right), 'check')} found nothing wrong")
    passed = tag("details", head, tag("div", _findings(right)), class_="plain")
    return join(_findings(grave) if grave else None, passed)


def _findings(found: list[Finding]) -> Markup:
    rows: list[tuple[str | float | None, ...]] = [
        (
            badge(*SEVERITIES[f.severity]),
            join(f.message, tag("div", f"Next: {f.hint}", class_="soft") if f.hint else None),
            f.where,
            tag("code", f.check),
        )
        for f in found
    ]
    return table(("", "What was seen", "Where", "Check"), rows, class_="findings")


def steps(records: tuple[StepRecord, ...]) -> Markup:
    """Every step with its reason and the commands that it stands for; failed ones stand open."""
    return join(*(_step(record) for record in records))


def _step(record: StepRecord) -> Markup:
    took = duration(record.seconds) if record.seconds is not None and record.state == "changed" else ""
    rows = f"step {', '.join(map(str, record.rows))}" if record.rows else ""
    right = tag("span", " · ".join(part for part in (rows, took) if part), class_="soft")
    title = tag("span", record.title, " ", tag("code", record.id, class_="soft"))
    inside = [tag("div", record.reason)]
    if record.error:
        inside.append(tag("div", record.error, class_="irreversible"))
    if record.irreversible:
        inside.append(tag("div", f"No simple way back: {record.irreversible}", class_="irreversible"))
    inside += [tag("pre", command) for command in record.commands]
    head = tag("summary", badge(*STATES[record.state]), title, right)
    is_open = "" if record.state in ("failed", "interrupted", "refused") else None
    return tag("details", head, tag("div", *inside), open=is_open)


def acts(records: tuple[ActRecord, ...]) -> Markup:
    """Requests, statements and programs, with the time of day in UTC."""
    by_kind: dict[str, list[ActRecord]] = {}
    for record in records:
        by_kind.setdefault(record.kind, []).append(record)
    return join(*(_kind(kind, found) for kind, found in by_kind.items()))


_KINDS: Mapping[str, str] = {
    "arm": "Resource Manager requests",
    "kube": "Kubernetes writes",
    "cql": "CQL statements",
    "nodetool": "nodetool",
    "apigeectl": "apigeectl",
}


def _kind(kind: str, records: list[ActRecord]) -> Markup:
    lines = "\n".join(_counted(records))
    head = tag("summary", f"{_KINDS.get(kind, kind)} ({len(records)})")
    return tag("details", head, tag("div", tag("pre", lines)), class_="plain")


def _counted(records: list[ActRecord]) -> Iterator[str]:
    """Each line once, at its first time, with how often it was sent: looking again and again is not worth a page."""
    first: dict[str, float] = {}
    counts = Counter(record.text for record in records)
    for record in records:
        first.setdefault(record.text, record.at)
    for text, at in first.items():
        often = f"  (×{counts[text]})" if counts[text] > 1 else ""
        yield f"{time.strftime('%H:%M:%S', time.gmtime(at))}  {text}{often}"
