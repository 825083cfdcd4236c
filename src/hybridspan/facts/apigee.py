"""Apigee's custom resources as last seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DatastoreFacts:
    """The ApigeeDatastore `default` of one cluster."""

    name: str
    state: str
    """creating, running, releasing, scaling, deleting; empty before the controller has seen it."""
    datacenter: str
    rack: str
    cluster_name: str
    seed_host: str | None
    """`multiRegionSeedHost`, or None where it is not set."""
    replicas: int
    ready_replicas: int
    host_network: bool
    version: str
    backup_enabled: bool


@dataclass(frozen=True, slots=True)
class CustomResourceFacts:
    """Any other Apigee resource: organization, environment, telemetry…"""

    kind: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class ApigeeFacts:
    """What one cluster has of Apigee; None or empty where it is not installed."""

    hybrid_version: str | None
    controller_ready: bool
    datastore: DatastoreFacts | None
    resources: tuple[CustomResourceFacts, ...]

    @property
    def states(self) -> Mapping[str, str]:
        return {f"{r.kind}/{r.name}": r.state for r in self.resources}
