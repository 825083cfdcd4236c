"""What verification found: one verdict for each keyspace, with the differences that remained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

VerdictState = Literal["same", "different", "unproved"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A range of a table in which a node does not hold what the others hold."""

    node: str
    token_range: str
    table: str
    detail: str = ""

    def to_document(self) -> Mapping[str, Any]:
        return {"node": self.node, "range": self.token_range, "table": self.table, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class KeyspaceVerdict:
    """`same`: every replica was compared and agrees. `unproved`: it could not be compared, the summary says why."""

    keyspace: str
    state: VerdictState
    summary: str
    differences: tuple[Difference, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows by data center, where they were counted."""

    def to_document(self) -> Mapping[str, Any]:
        return {
            "keyspace": self.keyspace,
            "state": self.state,
            "summary": self.summary,
            "differences": [difference.to_document() for difference in self.differences],
            "rows": dict(self.rows),
        }


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """One data center compared with the rest of the ring; `problems` are what keeps it from being proved at all."""

    datacenter: str
    source: str
    problems: tuple[str, ...]
    keyspaces: tuple[KeyspaceVerdict, ...]
    is_comparable: bool = True
    """False where the nodes' release has nothing to compare replicas with: then nothing is proved, ever."""

    @property
    def is_proved(self) -> bool:
        """Nothing was wrong, and every keyspace is the same."""
        return not self.problems and all(k.state == "same" for k in self.keyspaces)

    @property
    def has_differences(self) -> bool:
        return any(k.state == "different" for k in self.keyspaces)

    def sentence(self) -> str:
        """The result in one sentence."""
        if self.problems:
            return f"{self.datacenter} is not proved: {'; '.join(self.problems)}"
        if not self.is_comparable:
            summary = next((k.summary for k in self.keyspaces), "no keyspace is in both")
            return f"{self.datacenter} is replicated from {self.source}, not proved: {summary}"
        wrong = [k for k in self.keyspaces if k.state != "same"]
        if wrong:
            return f"{self.datacenter} is not as {self.source}: " + "; ".join(
                f"{k.keyspace}: {k.summary}" for k in wrong
            )
        names = ", ".join(k.keyspace for k in self.keyspaces)
        return f"every replica in {self.datacenter} holds what the others hold: {names}"

    def to_document(self) -> Mapping[str, Any]:
        return {
            "datacenter": self.datacenter,
            "source": self.source,
            "problems": list(self.problems),
            "proved": self.is_proved,
            "keyspaces": [k.to_document() for k in self.keyspaces],
        }
