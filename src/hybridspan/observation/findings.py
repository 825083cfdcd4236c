"""What every room's checks find before the first change: the first region, the clouds, the clusters, the ring. Read-only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from hybridspan.errors import HybridspanError
from hybridspan.facts.azure import PermissionFacts, RegionAzureFacts
from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.world import Finding, RegionFacts
from hybridspan.observation.estate import Estate
from hybridspan.plan.phases.closings import closings
from hybridspan.topology.model import Region, Topology

if TYPE_CHECKING:
    from hybridspan.kubernetes.rights import Reviews, Right


async def findings_of(
    estate: Estate, facts: Mapping[str, RegionFacts], ring: RingFacts | None
) -> list[Finding]:
    """All findings about what was seen; what cannot be checked is one of them."""
    from hybridspan.apigee import preflight as apigee
    from hybridspan.azure import preflight as azure
    from hybridspan.cassandra import preflight as cassandra
    from hybridspan.cassandra.agreement import settled
    from hybridspan.kubernetes import preflight as kubernetes
    from hybridspan.kubernetes import rights

    topology = estate.topology
    found = missing_files(topology)
    seen = {name: f.azure for name, f in facts.items()}
    found += azure.findings(topology, seen)
    found += await azure_rights(estate, seen)
    found += kubernetes.findings(topology, facts)
    found += rights.findings(topology, facts, await _reviews(estate, facts))
    found += apigee.findings(topology, facts)
    if topology.installer == "helm" and facts[topology.first.name].apigee is not None:
        found += await old_helm(estate)
        found += await missing_charts(estate)
    if ring is None:
        where = f"{topology.first.name}, cluster {topology.first.cluster.name}"
        hint = "install hybrid in the first region by its own guide; then plan again"
        found.append(
            Finding("installation", "refuse", where, "the first region has no Cassandra that answers", hint)
        )
        return found
    try:
        adapters = {str(r.name): await estate.cassandra(r) for r in topology.regions if facts[r.name].nodes}
        if first := adapters.get(str(topology.first.name)):
            ring = await settled(first, ring, estate.clock)
        now = estate.clock.now()
        found += await cassandra.findings(topology, adapters, ring, facts, now)
    except HybridspanError as error:
        found.append(Finding("cassandra", "refuse", error.where, str(error), error.hint))
    return found


async def old_helm(estate: Estate) -> list[Finding]:
    """Whether the helm on the PATH is new enough: an older one refuses its first dry run, once the cluster is made."""
    from hybridspan.facts.helm import OLDEST_HELM, is_too_old

    version = await (await estate.plain_helm(estate.topology.first)).version()
    if not is_too_old(version):
        return [Finding("helm", "pass", "PATH", f"helm is {version}")]
    oldest = ".".join(map(str, OLDEST_HELM))
    message = f"helm is {version}; hybridspan needs {oldest} or later"
    return [
        Finding(
            "helm", "refuse", "PATH", message, f"install helm {oldest} or later, and put it first on the PATH"
        )
    ]


async def missing_charts(estate: Estate) -> list[Finding]:
    """Whether every chart is there in the version that is installed: a run would otherwise stop once the cluster is made."""
    from hybridspan.apigee.charts import NAMES, location_of

    charts, where = await estate.charts(), location_of(estate.topology)
    try:
        for name in NAMES:
            await charts.chart(name)
    except HybridspanError as error:
        return [Finding("charts", "refuse", where, f"{error.code} {error.message}: {error.why}", error.hint)]
    return [Finding("charts", "pass", where, f"{len(NAMES)} charts of {estate.topology.hybrid_version}")]


async def azure_rights(estate: Estate, facts: Mapping[str, RegionAzureFacts]) -> list[Finding]:
    """What the sign-in may do, scope by scope, against what the run will do."""
    from hybridspan.azure import rights

    wanted = [*rights.needed(estate.topology, facts), *rights.of_rules(_to_open(estate.topology, facts))]
    wishes = rights.wished(estate.topology, facts)
    scopes = list(dict.fromkeys(right.scope for right in (*wanted, *wishes)))
    gateway = estate.azure(estate.topology.first)

    async def asked(scope: str) -> tuple[PermissionFacts, ...] | str:
        try:
            return await gateway.permissions(scope)
        except HybridspanError as error:
            return f"{error.message}: {error.why}"

    answers = await asyncio.gather(*(asked(scope) for scope in scopes))
    return list(rights.findings(wanted, wishes, dict(zip(scopes, answers, strict=True))))


async def _reviews(estate: Estate, facts: Mapping[str, RegionFacts]) -> Reviews:
    """What the sign-in may not do in each cluster that is there, or why that is not known."""
    from hybridspan.kubernetes.rights import IN_PODS, INSTALLING

    async def of(region: Region) -> tuple[Right, ...] | HybridspanError:
        try:
            cluster = await estate.cluster(region)
            return await cluster.missing_rights(region.namespace, (*IN_PODS, *INSTALLING))
        except HybridspanError as failure:
            return failure

    there = [region for region in estate.topology.regions if facts[region.name].cluster is not None]
    reviews = await asyncio.gather(*map(of, there))
    return {str(region.name): review for region, review in zip(there, reviews, strict=True)}


def _to_open(topology: Topology, facts: Mapping[str, RegionAzureFacts]) -> Iterator[tuple[str, str]]:
    """The groups, with their regions, in which the run will write a rule: those that the plan's own judgement names."""
    from hybridspan.apigee.overrides import says_host_network

    on_machines = says_host_network(topology)
    for pair in combinations(topology.regions, 2):
        first, second = (facts[region.name] for region in pair)
        for closing in closings(topology, pair, first, second, on_machines=on_machines):
            if closing.remedy is not None:
                yield closing.group.id, closing.region.name


def missing_files(topology: Topology) -> list[Finding]:
    """Certificates and keys that overrides name and that are not there: the installer would refuse half-way."""
    from hybridspan.topology.validation import examine

    hint = "put the file there; paths are relative to the overrides file"
    missing = (p for p in examine(topology.path).warnings if p.code == "HS-TOPOLOGY-054")
    return [Finding("files", "refuse", p.place, p.message, hint) for p in missing]
