"""The small world of the Cassandra phases, installed with Helm."""

from __future__ import annotations

from dataclasses import replace

from hybridspan.facts.apigee import (
    ApigeeFacts,
    CustomResourceFacts,
    DataReplicationFacts,
    DatastoreFacts,
    NodeReplication,
    ReplicationStatus,
)
from hybridspan.facts.cassandra import AvailableRanges, RingFacts
from hybridspan.facts.helm import HelmRelease
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import Installation, WorldFacts
from hybridspan.topology.model import Region, Topology
from tests.plan_cassandra import world as small
from tests.plan_cassandra.world import AFTER, ring, three_regions, two_regions

VERSION = "1.16.0"
ORGANIZATION = "hybrid-test-7-a69bd24"
ENVIRONMENT = "hybrid-test-7-test-e7bed21"
KMS = "kms_hybrid_test_7_hybrid"
PODS = tuple(f"apigee-cassandra-default-{n}" for n in range(3))
CHARTS = {
    "operator": "apigee-operator",
    "datastore": "apigee-datastore",
    "telemetry": "apigee-telemetry",
    "redis": "apigee-redis",
    "ingress-manager": "apigee-ingress-manager",
    "my-org": "apigee-org",
    "env-release": "apigee-env",
    "group-release": "apigee-virtualhost",
}


def with_helm(topology: Topology | None = None, **changes: object) -> Topology:
    made = replace(topology or two_regions(), installer="helm", hybrid_version=VERSION)
    return replace(made, **changes)  # type: ignore[arg-type]


def three_with_helm() -> Topology:
    return with_helm(three_regions())


def release(name: str, version: str = VERSION, status: str = "deployed", revision: int = 1) -> HelmRelease:
    subject = {"env-release": "test", "group-release": "test"}.get(name, "")
    return HelmRelease(name, CHARTS[name], version, status, revision, subject)


RELEASES = tuple(release(name) for name in CHARTS)
OVERRIDES = OverridesFacts("o.yaml", exists=True, environments=("test",), virtual_hosts=("test",))


def store(replication: ReplicationStatus | None = None, datacenter: str = "dc-2") -> DatastoreFacts:
    return DatastoreFacts(
        "default",
        "running",
        datacenter,
        "ra-1",
        "apigeecluster",
        None,
        3,
        3,
        False,
        VERSION,
        True,
        replication,
    )


def apigee(*releases: HelmRelease, **changes: object) -> ApigeeFacts:
    made = ApigeeFacts(VERSION, True, None, (), releases, {"apigeedatastores": "a"})
    return replace(made, **changes)  # type: ignore[arg-type]


def organization(state: str = "running", name: str = ORGANIZATION) -> CustomResourceFacts:
    return CustomResourceFacts("ApigeeOrganization", name, state)


FIRST = Installation(apigee(*RELEASES, resources=(organization(),)), OVERRIDES)


def status(state: str, *nodes: str, message: str = "") -> ReplicationStatus:
    return ReplicationStatus(
        state, {pod: NodeReplication(s, message) for pod, s in zip(PODS, nodes, strict=False)}
    )


def resource(state: str = "complete", **changes: object) -> DataReplicationFacts:
    made = DataReplicationFacts("region-expansion", ORGANIZATION, "dc-1", False, state, "", 1, 1)
    return replace(made, **changes)  # type: ignore[arg-type]


RECEIVED = {pod: frozenset({KMS, "perses"}) for pod in PODS}
RING = ring(AFTER, "dc-1", "dc-2")


def centralus(topology: Topology) -> Region:
    return topology.new_regions[0]


def world(topology: Topology, seen: RingFacts | None, own: ApigeeFacts | None = None) -> WorldFacts:
    """Both regions with clusters; the new one has `own`."""
    made = small.world(topology, seen)
    regions = dict(made.regions)
    first, new = topology.first.name, topology.new_regions[0].name
    regions[first] = replace(
        regions[first], apigee=replace(FIRST.apigee, datastore=store(None, "dc-1")), overrides=OVERRIDES
    )  # type: ignore[type-var]
    regions[new] = replace(regions[new], apigee=own, overrides=OVERRIDES)
    return replace(made, regions=regions)


def records(*keyspaces: str) -> tuple[AvailableRanges, ...]:
    return tuple(AvailableRanges(name, 1, 0) for name in keyspaces)


BY_ARGO = {
    "operator": "apigee-operator",
    "ingress-manager": "apigee-ingress-manager",
    "datastore": "apigee-datastore",
    "org": "apigee-org",
    "telemetry": "apigee-telemetry",
    "redis": "apigee-redis",
    "env/test": "apigee-env-test",
    "virtualhost/test": "apigee-group-test",
}
"""What an Argo CD has installed everything with: no Helm release is there."""
