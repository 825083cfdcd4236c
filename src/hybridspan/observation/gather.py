"""One look at everything: every region's Azure, cluster, Apigee and Cassandra at the same time, read-only.

What does not exist is None. What exists but cannot be reached is a failure, not an absence: a plan made without it
would propose to create it again.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.azure import ClusterFacts, RegionAzureFacts, has_failed
from hybridspan.facts.cassandra import NodeFacts, RingFacts
from hybridspan.facts.kubernetes import ClusterObjects
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.observation.definitions import beside_the_chart
from hybridspan.observation.estate import Estate
from hybridspan.observation.findings import findings_of
from hybridspan.observation.sight import Sight
from hybridspan.plan.phases.cluster_commands import place
from hybridspan.plan.phases.memory import remembered
from hybridspan.topology.model import Region

if TYPE_CHECKING:
    from hybridspan.cassandra.region import CassandraRegion
    from hybridspan.kubernetes.cluster import KubernetesCluster

NOTHING_IN_AZURE: Final = RegionAzureFacts(False, None, (), None)
CONNECT_SECONDS: Final = 90.0
"""How long a cluster's credentials, its login plug-in and its API server's first answer may take together."""
_WITHOUT_SERVER: Final = frozenset({"creating", "deleting"})
"""States of a cluster in which nobody answers, or soon nobody will; in any other its API server serves meanwhile."""


async def gather(estate: Estate, *, preflight: bool = False, partial: bool = False) -> WorldFacts:
    """Facts of all regions; with `preflight` also the findings of every room's checks.

    `partial` goes on where a part cannot be reached, and names it; a plan must not be made from that.
    """
    regions, sight = estate.topology.regions, Sight(partial=partial)
    async with asyncio.TaskGroup() as group:
        tasks = {r.name: group.create_task(_region(estate, r, sight)) for r in regions}
    facts: dict[str, RegionFacts] = {str(name): task.result() for name, task in tasks.items()}
    sight.refuse_if_blind(len(regions))
    ring = await _ring(estate, facts, sight)
    if preflight:
        facts = await beside_the_chart(estate, facts)
    findings = await findings_of(estate, facts, ring) if preflight else ()
    decided = {
        key: value for key in remembered(estate.topology) if (value := estate.decided(key)) is not None
    }
    return WorldFacts(estate.clock.now(), facts, ring, tuple(findings), decided, unseen=tuple(sight.unseen))


async def _region(estate: Estate, region: Region, sight: Sight) -> RegionFacts:
    from hybridspan.apigee.overrides import overrides_facts

    overrides = overrides_facts(estate.topology, region)
    azure = await sight.of(region, "Azure", estate.azure(region).region_facts(region), NOTHING_IN_AZURE)
    objects, apigee = await sight.of(region, "cluster", _cluster(estate, region, azure, sight), (None, None))
    nodes: tuple[NodeFacts, ...] = ()
    if objects is not None and any(pod.ready for pod in objects.cassandra_pods):
        nodes = await sight.of(region, "Cassandra", _nodes(estate, region), ())
    return RegionFacts(azure, objects, apigee, nodes, overrides)


async def _cluster(
    estate: Estate, region: Region, azure: RegionAzureFacts, sight: Sight
) -> tuple[ClusterObjects | None, ApigeeFacts | None]:
    """What the region's cluster has; nothing where none runs yet."""
    cluster = await _running(estate, region, azure, sight)
    if cluster is None:
        return None, None
    from hybridspan.apigee.observe import apigee_facts

    objects: ClusterObjects
    apigee: ApigeeFacts
    objects, apigee = await asyncio.gather(
        cluster.objects(region.namespace), apigee_facts(cluster, region.namespace)
    )
    if estate.topology.installer == "helm":
        from hybridspan.apigee.helm_installer import with_releases

        apigee = await with_releases(await estate.plain_helm(region), apigee)
    return objects, apigee


async def _nodes(estate: Estate, region: Region) -> tuple[NodeFacts, ...]:
    from hybridspan.cassandra.nodes import node_facts

    target = await estate.cassandra(region)
    try:
        return await node_facts(target)
    except PermanentFailure as failure:
        from hybridspan.cassandra.arriving import REFUSED

        if failure.code != REFUSED or not await _awaits_users(estate, target):
            raise
    return await node_facts(target, without_users=True)


async def _awaits_users(estate: Estate, target: CassandraRegion) -> bool:
    from hybridspan.cassandra.arriving import users_to_come

    try:
        first = await estate.cassandra(estate.topology.first)
    except HybridspanError:  # told where that region is looked at
        return False
    return await users_to_come(target, first)


async def _running(
    estate: Estate, region: Region, azure: RegionAzureFacts, sight: Sight
) -> KubernetesCluster | None:
    """The cluster, whatever Azure does to it meanwhile: one that is updated, or whose last change failed, serves on.

    None where there is none yet, where it is stopped, and where its making failed before it answered.
    """
    facts = azure.cluster
    if facts is None or facts.provisioning_state.lower() in _WITHOUT_SERVER:
        return None
    if facts.power_state.lower() == "stopped":
        sight.missed(region, "cluster", _stopped(region))
        return None
    try:
        return await _connected(estate, region, azure)
    except HybridspanError as failure:
        if _may_have_served(facts):
            raise
        sight.missed(region, "cluster", failure)
        return None


def _may_have_served(facts: ClusterFacts) -> bool:
    """Whether silence is a failure to look: a cluster whose making failed, pools and all, is made again by its step."""
    states = (facts.provisioning_state, *(pool.provisioning_state for pool in facts.node_pools))
    return not all(map(has_failed, states))


def _stopped(region: Region) -> PermanentFailure:
    return PermanentFailure(
        "HS-KUBE-016",
        "the cluster is stopped: what it holds cannot be looked at",
        where=f"{region.name}, cluster {region.cluster.name}",
        hint=shlex.join(("az", "aks", "start", *place(region), "--name", region.cluster.name)),
    )


async def _connected(estate: Estate, region: Region, azure: RegionAzureFacts) -> KubernetesCluster | None:
    """The cluster; a private API server that does not answer is named as the reason."""
    try:
        return await _within_bounds(estate, region)
    except TemporaryFailure as failure:
        if azure.cluster is None or not azure.cluster.is_private:
            raise
        raise PermanentFailure(
            "HS-KUBE-015",
            "the cluster's API server has a private address only, and this machine does not reach it",
            where=f"{region.name}, cluster {region.cluster.name}",
            why=failure.why,
            hint="run hybridspan where kubectl reaches it: in that network, a peered one, or through the VPN",
        ) from failure


async def _within_bounds(estate: Estate, region: Region) -> KubernetesCluster | None:
    """The cluster, or the failure that nobody answered in time."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await estate.cluster_or_none(region)
    except TimeoutError as error:
        raise TemporaryFailure(
            "HS-KUBE-002",
            "the API server does not answer",
            where=f"{region.name}, cluster {region.cluster.name}",
            why=f"no connection within {CONNECT_SECONDS:.0f} s",
            hint="see that the cluster runs (az aks show --query powerState) and that this machine may reach it",
        ) from error


async def _ring(estate: Estate, facts: Mapping[str, RegionFacts], sight: Sight) -> RingFacts | None:
    """The ring as the first region that answers sees it, in the topology's order."""
    for region in estate.topology.regions:
        if facts[region.name].nodes:
            seen = await sight.of(region, "Cassandra", _ring_of(estate, region), None)
            if seen is not None:
                return seen
    return None


async def _ring_of(estate: Estate, region: Region) -> RingFacts:
    return await (await estate.cassandra(region)).ring_facts()
