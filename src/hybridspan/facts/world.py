"""Everything seen in one look, by region; the input of the planner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.azure import RegionAzureFacts
from hybridspan.facts.cassandra import NodeFacts, RebuildFacts, RingFacts
from hybridspan.facts.kubernetes import ClusterObjects
from hybridspan.facts.overrides import OverridesFacts

Severity = Literal["refuse", "warn", "pass", "unknown"]
UnseenPart = Literal["Azure", "cluster", "Cassandra", "rebuilds"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that pre-flight looked at.

    `refuse` stops the run before its first change, `warn` is shown, `pass` says what was seen to be right,
    `unknown` says what could not be looked at and why.
    """

    check: str
    """Stable short name, such as `ring-up`."""
    severity: Severity
    where: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Installation:
    """What one cluster has of Apigee, and the overrides that it was (or will be) installed with."""

    apigee: ApigeeFacts | None
    overrides: OverridesFacts | None


@dataclass(frozen=True, slots=True)
class RegionFacts:
    """One region; a part is None where it does not exist yet (or its owner does not)."""

    azure: RegionAzureFacts
    cluster: ClusterObjects | None
    apigee: ApigeeFacts | None
    nodes: tuple[NodeFacts, ...]
    """Its Cassandra pods, in order."""
    overrides: OverridesFacts | None = None
    """Its overrides file, read or derived; None where nobody looked."""

    @property
    def installation(self) -> Installation:
        return Installation(self.apigee, self.overrides)


@dataclass(frozen=True, slots=True)
class Unseen:
    """A part of a region that exists, or may, and could not be looked at."""

    region: str
    part: UnseenPart
    error: Mapping[str, str]
    """The failure as `--json` has it: code, message, where, why, hint."""


@dataclass(frozen=True, slots=True)
class WorldFacts:
    """All regions of a topology, the ring, and what pre-flight found."""

    taken_at: float
    """Unix time."""
    regions: Mapping[str, RegionFacts]
    ring: RingFacts | None
    """None where no Cassandra node answers."""
    findings: tuple[Finding, ...] = ()
    decided: Mapping[str, Any] = field(default_factory=dict)
    """What earlier runs kept in the journal because it cannot be observed, by key."""
    rebuilds: tuple[RebuildFacts, ...] = ()
    """Nodes that receive their data now; empty too where nobody looked."""
    unseen: tuple[Unseen, ...] = ()
    """What this look could not see. Always empty where a plan follows from it: what is not seen is not absent."""

    def is_closed(self, region: str) -> bool:
        """Whether nobody has looked into the region's cluster, though it exists or may: what it holds is not known."""
        own = self.regions.get(region)
        exists = own is not None and own.azure.cluster is not None and own.cluster is None
        return exists or self.is_unseen(region, "Azure", "cluster")

    def is_unseen(self, region: str, *parts: UnseenPart) -> bool:
        """Whether one of these parts of the region could not be looked at."""
        return any(gap.region == region and gap.part in parts for gap in self.unseen)
