"""What a report shows: values that others fill in, so that text, JSON and HTML all say the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.topology.model import Topology
from hybridspan.verification.model import Difference
from hybridspan.verification.model import KeyspaceVerdict as Verdict

__all__ = [
    "ActRecord",
    "Difference",
    "MatrixRow",
    "RunReport",
    "StepRecord",
    "Verdict",
    "by_keyspace",
    "matrix_datacenters",
    "replication_matrix",
]

StepState = Literal[
    "changed", "unchanged", "failed", "interrupted", "not-reached", "needed", "later", "refused"
]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step and what became of it; times are Unix seconds, None where it has not been acted on."""

    id: str
    title: str
    region: str
    phase: str
    state: StepState
    reason: str
    started: float | None = None
    ended: float | None = None
    commands: tuple[str, ...] = ()
    """As a person would type them."""
    rows: tuple[int, ...] = ()
    """Rows of the documented procedure."""
    irreversible: str = ""
    error: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it took, or None where that is not known."""
        if self.started is None or self.ended is None:
            return None
        return max(self.ended - self.started, 0.0)


@dataclass(frozen=True, slots=True)
class ActRecord:
    """One request or statement that a run really sent (`arm`, `cql`, `nodetool`, `apigeectl`, `kube`)."""

    at: float
    kind: str
    text: str
    step: str = ""


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One keyspace of the replication matrix: a factor for each data center, in the matrix's order."""

    keyspace: str
    strategy: str
    factors: tuple[int, ...]
    is_system: bool


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything that the page and the closing summary show."""

    topology: Topology
    version: str
    generated_at: float
    """Unix time."""
    facts: WorldFacts | None
    steps: tuple[StepRecord, ...]
    acts: tuple[ActRecord, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    remarks: tuple[str, ...] = ()
    """What must be read first, such as what a rehearsal lab cannot show."""
    compared: tuple[str, ...] = ()
    """Data centers whose comparison is recorded."""

    @property
    def ring(self) -> RingFacts | None:
        return self.facts.ring if self.facts else None


OF_KEYSPACE: Final = " · "
"""Between the data center and the keyspace in a verdict's name, where several data centers were compared."""


def by_keyspace(verdicts: Iterable[Verdict]) -> Mapping[str, tuple[Verdict, ...]]:
    """Keyspace → its verdict in each data center."""
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.keyspace.rpartition(OF_KEYSPACE)[2], []).append(verdict)
    return {name: tuple(group) for name, group in found.items()}


def matrix_datacenters(ring: RingFacts, topology: Topology | None = None) -> tuple[str, ...]:
    """The matrix's columns: declared data centers first, then any other that is in the ring or in a keyspace."""
    declared = [str(region.datacenter) for region in topology.regions] if topology else []
    named = [dc for keyspace in ring.keyspaces for dc in keyspace.replication.factors if dc]
    return tuple(dict.fromkeys([*declared, *ring.datacenters, *named]))


def replication_matrix(ring: RingFacts, datacenters: tuple[str, ...]) -> tuple[MatrixRow, ...]:
    """Every replicated keyspace, Cassandra's own last."""
    rows = [
        MatrixRow(
            keyspace.name,
            keyspace.replication.strategy,
            _factors(keyspace.replication.factors, datacenters),
            keyspace.name.startswith("system"),
        )
        for keyspace in ring.keyspaces
        if not keyspace.is_local
    ]
    return tuple(sorted(rows, key=lambda row: (row.is_system, row.keyspace)))


def _factors(factors: Mapping[str, int], datacenters: tuple[str, ...]) -> tuple[int, ...]:
    """SimpleStrategy has one factor for the whole ring, whatever the data center."""
    everywhere = factors.get("", 0)
    return tuple(factors.get(datacenter, everywhere) for datacenter in datacenters)
