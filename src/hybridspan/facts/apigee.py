"""Apigee's custom resources as last seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hybridspan.facts.helm import HelmRelease


@dataclass(frozen=True, slots=True)
class NodeReplication:
    """What the operator says of one Cassandra pod: running, complete, error…"""

    state: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class ReplicationStatus:
    """`status.cassandraDataReplication` of the datastore: how far the operator is, pod by pod."""

    state: str
    nodes: Mapping[str, NodeReplication]


@dataclass(frozen=True, slots=True)
class DataReplicationFacts:
    """A CassandraDataReplication."""

    name: str
    organization_ref: str
    source: str
    """`source.region`: the Cassandra data center to copy from, whatever its name suggests."""
    force: bool
    state: str
    message: str
    generation: int
    applied_generation: int | None
    """The latest generation that the operator has taken up; None before the first."""

    @property
    def is_taken_up(self) -> bool:
        return self.applied_generation is not None and self.applied_generation >= self.generation


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
    replication: ReplicationStatus | None = None
    """The operator's own copying of data; None where it has never been asked to."""
    credentials_secret: str = "apigee-datastore-default-creds"  # noqa: S105  # a name


@dataclass(frozen=True, slots=True)
class CustomResourceFacts:
    """Any other Apigee resource: organization, environment, telemetry…"""

    kind: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class ChartComparison:
    """A cluster's definitions beside those of the operator's chart: names of what is not there, or is defined otherwise."""

    missing: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApigeeFacts:
    """What one cluster has of Apigee; None or empty where it is not installed."""

    hybrid_version: str | None
    controller_ready: bool
    datastore: DatastoreFacts | None
    resources: tuple[CustomResourceFacts, ...]
    releases: tuple[HelmRelease, ...] | None = None
    """Helm's releases in the namespace; None where nobody looked (another installer, or no cluster)."""
    definitions: Mapping[str, str] = field(default_factory=dict)
    """Apigee's CustomResourceDefinitions: a hash of what each defines, by name."""
    chart: ChartComparison | None = None
    """The definitions beside the chart's; None where nobody looked into the chart."""
    replications: tuple[DataReplicationFacts, ...] = ()
    tracked: Mapping[str, str] = field(default_factory=dict)
    """Argo CD's Applications, which make no Helm release, by the key of the release that each stands for (`operator`, `env/prod`)."""
    elsewhere: tuple[str, ...] | None = ()
    """Other namespaces of the cluster that have a datastore; None where the sign-in may not look into all of them."""
    controller_trouble: str = ""
    """Why the operator is not available, in one sentence; empty where it is, or where nothing is known."""

    @property
    def states(self) -> Mapping[str, str]:
        return {f"{r.kind}/{r.name}": r.state for r in self.resources}
