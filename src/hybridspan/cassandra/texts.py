"""What nodetool of Cassandra 4.0 prints, as values. Pure; a text that is not understood is a ValueError, never a guess."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, cast

from hybridspan.facts.cassandra import RingNode, StreamProgress

_UNITS: Final = {
    "bytes": 1,
    "byte": 1,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
    "PiB": 1024**5,
}
_SIZE: Final = re.compile(r"^([0-9.]+)\s*([A-Za-z]+)$")
_NODE: Final = re.compile(
    r"^(?P<status>[UD?])(?P<state>[NLJM])\s+(?P<address>\S+)\s+(?P<load>\?|[0-9.]+ \S+)\s+(?P<tokens>\d+)\s+"
    r"(?P<owns>\?|[0-9.]+%)\s+(?P<host_id>[0-9a-f-]{36}|null)\s+(?P<rack>\S+)\s*$"
)
_DATACENTER: Final = re.compile(r"^Datacenter: (\S+)$")


def parse_size(text: str) -> int | None:
    """Bytes of `69.07 KiB`, `29.667MiB` or `0.000KiB`; None for `?`."""
    if text.strip() == "?":
        return None
    match = _SIZE.match(text.strip())
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"not a size: {text!r}")
    return round(float(match[1]) * _UNITS[match[2]])


def parse_status(text: str) -> tuple[RingNode, ...]:
    """The nodes of `nodetool status`, in its order; ValueError where it shows none."""
    nodes: list[RingNode] = []
    datacenter = ""
    for line in text.splitlines():
        if heading := _DATACENTER.match(line.strip()):
            datacenter = heading[1]
        elif match := _NODE.match(line.strip()):
            nodes.append(_ring_node(match, datacenter))
    if not nodes:
        raise ValueError(f"nodetool status shows no node: {text[:200]!r}")
    return tuple(nodes)


def _ring_node(match: re.Match[str], datacenter: str) -> RingNode:
    return RingNode(
        address=match["address"],
        host_id=match["host_id"],
        datacenter=datacenter,
        rack=match["rack"],
        status="U" if match["status"] == "U" else "D",
        state=cast("Literal['N', 'L', 'J', 'M']", match["state"]),
        load_bytes=parse_size(match["load"]),
        tokens=int(match["tokens"]),
    )


_PLAN: Final = re.compile(r"^([A-Z][A-Za-z ]+) ([0-9a-f]{8}-[0-9a-f-]{27})$")
_PEER: Final = re.compile(r"^\s+/?([0-9a-fA-F.:\[\]]+)(?: \(using \S+\))?$")
_RECEIVING: Final = re.compile(
    r"^\s+Receiving (\d+) files, (\d+) bytes total\. Already received (\d+) files \([^)]*\), (\d+) bytes total"
)


def parse_netstats(text: str) -> tuple[StreamProgress, ...]:
    """What the node receives, by stream plan and peer; empty where it receives nothing."""
    streams: list[StreamProgress] = []
    operation = plan = peer = ""
    for line in text.splitlines():
        if heading := _PLAN.match(line):
            operation, plan = heading[1], heading[2]
        elif found := _PEER.match(line):
            peer = found[1]
        elif match := _RECEIVING.match(line):
            files_total, bytes_total, files, received = (int(match[i]) for i in range(1, 5))
            streams.append(StreamProgress(peer, plan, operation, files, files_total, received, bytes_total))
    return tuple(streams)


def running_operations(text: str) -> frozenset[str]:
    """Names of the stream plans that `nodetool netstats` shows, such as `Rebuild` or `Repair`."""
    return frozenset(match[1] for line in text.splitlines() if (match := _PLAN.match(line)))


@dataclass(frozen=True, slots=True)
class PairDifference:
    """What one node would send to another to be equal in one table."""

    table: str
    source: str
    destination: str
    ranges: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What `nodetool repair --preview` said of one keyspace; `ranges` counts those compared, 0 where no line told."""

    keyspace: str
    in_sync: bool
    differences: tuple[PairDifference, ...]
    ranges: int
    nothing_to_compare: bool = False
    """Cassandra says that there is only one replica."""


_BEGIN: Final = re.compile(
    r"\] Starting repair command #(\d+) \(([0-9a-f-]+)\), repairing keyspace (\w+) with"
)
_SEQUENTIAL: Final = re.compile(_BEGIN.pattern + r" repair options \(parallelism: sequential,")
_COUNT: Final = re.compile(r"# of ranges: (\d+),")
_END: Final = re.compile(r"\] Repair command #(\d+) finished in ")
_SESSION: Final = re.compile(r"\] Repair session [0-9a-f-]+ for range \[(.*)\] (finished|failed)")
_RANGE: Final = re.compile(r"\(-?\d+,-?\d+\]")
_TABLE: Final = re.compile(r"^(\w+)\.(\w+) - (\d+) ranges, (\d+) sstables, (\S+) bytes$")
_PAIR: Final = re.compile(r"^\s+/?(\S+?) -> /?(\S+?): (\d+) ranges, (\d+) sstables, (\S+) bytes$")
_ALONE: Final = re.compile(r"No repair is needed for keyspace '(\w+)'")


def parse_previews(text: str, keyspace: str = "") -> tuple[Preview, ...]:
    """The verdicts of one or several previews in one output.

    `keyspace` names the one that was asked for, or is empty where several were. Any line may be missing, because nodetool hears
    of them by notifications that get lost: a preview whose keyspace is not to be known for certain is left out. ValueError
    where one has neither Cassandra's words for "in sync" nor those for "different", or a session failed.
    """
    alone = tuple(Preview(name, True, (), 0, nothing_to_compare=True) for name in _ALONE.findall(text))
    ends = list(_END.finditer(text))
    if not ends and not alone:
        raise ValueError(f"the preview did not complete: {text.strip()[-300:]}")
    starts = [0, *(match.end() for match in ends)]
    pieces = [(text[start : end.end()], end[1]) for start, end in zip(starts, ends, strict=False)]
    if keyspace:
        return alone + tuple(_preview(piece, keyspace) for piece, _ in pieces)
    return alone + tuple(found for piece, number in pieces for found in _named(piece, number))


def sequential_repairs(text: str) -> tuple[str, ...]:
    """The ids of the repairs in a nodetool output that compare snapshots; each is the name of its snapshots too."""
    return tuple(match[2] for match in _SEQUENTIAL.finditer(text))


def _named(piece: str, number: str) -> list[Preview]:
    """The preview that both begins and ends in the piece by the same number; where a line between two was lost, none."""
    begun = [match for match in _BEGIN.finditer(piece) if match[1] == number]
    return [_preview(piece[begun[-1].start() :], begun[-1][3])] if begun else []


def _preview(text: str, keyspace: str) -> Preview:
    sessions = _SESSION.findall(text)
    if any(state == "failed" for _, state in sessions):
        raise ValueError(f"the preview of {keyspace} did not complete: a session failed")
    told = _COUNT.search(text)
    ranges = int(told[1]) if told else sum(len(_RANGE.findall(listed)) for listed, _ in sessions)
    if "Previewed data was in sync" in text:
        return Preview(keyspace, True, (), ranges)
    if "Total estimated streaming:" not in text:
        raise ValueError(f"the preview of {keyspace} has no verdict")
    return Preview(keyspace, False, _pairs(text), ranges)


def _pairs(text: str) -> tuple[PairDifference, ...]:
    found: list[PairDifference] = []
    table = ""
    for line in text.splitlines():
        if heading := _TABLE.match(line):
            table = heading[2]
        elif match := _PAIR.match(line):
            size = parse_size(match[5]) or 0
            found.append(PairDifference(table, _host(match[1]), _host(match[2]), int(match[3]), size))
    return tuple(found)


def _host(address: str) -> str:
    """The address without its port."""
    return address.rsplit(":", 1)[0].strip("[]") if ":" in address else address


def repair_succeeded(text: str) -> bool:
    """Whether Cassandra said that a repair completed (or that there was nothing to do)."""
    return "Repair completed successfully" in text or "No repair is needed for keyspace" in text


def repair_of(text: str) -> str | None:
    """The id of the repair that began last in nodetool's output, by which `parent_repair_history` keeps it."""
    begun = [*_BEGIN.finditer(text)]
    return begun[-1][2] if begun else None


def without_trace(text: str) -> str:
    """What nodetool says of its failure; the stack trace that follows tells where in nodetool, not what."""
    return text.partition("-- StackTrace --")[0].strip()
