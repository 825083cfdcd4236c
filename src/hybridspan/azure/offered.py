"""Whether a location has what a new cluster, or new nodes of one, take: sizes, zones, cores, a Kubernetes version for hybrid. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hybridspan.azure.refusals import registration
from hybridspan.facts.azure import ClusterFacts, OfferFacts, QuotaFacts, RegionAzureFacts
from hybridspan.facts.world import Finding
from hybridspan.plan.phases.pools import machines_to_come
from hybridspan.topology.kubernetes_support import doubt
from hybridspan.topology.model import NodePool, Region, Topology


def findings(topology: Topology, azure: Mapping[str, RegionAzureFacts]) -> Iterator[Finding]:
    """Of every cluster that is to be made, and of the nodes that are to come to one that exists."""
    first = azure[topology.first.name].cluster
    for region in topology.new_regions:
        facts = azure[region.name]
        pools = machines_to_come(region, facts.cluster)
        if facts.offer is None or not pools:
            continue
        if facts.offer.problem:
            hint = (
                "give read rights on Microsoft.Compute, or look yourself: az vm list-skus, az vm list-usage"
            )
            message = f"sizes, quota and versions of the location could not be asked: {facts.offer.problem}"
            yield Finding("azure-offer", "unknown", _where(region), message, hint)
            continue
        if facts.offer.unregistered:
            yield _unregistered(region, facts.offer.unregistered)
            continue
        yield from _sizes(region, pools, facts.offer)
        yield from _quota(
            region, pools, facts.offer, "the cluster" if facts.cluster is None else "what is new"
        )
        if facts.cluster is None:
            yield from _version(topology, region, first)


def _unregistered(region: Region, names: tuple[str, ...]) -> Finding:
    message = (
        f"the subscription has not registered {' and '.join(names)}, and Azure refuses every write to it"
    )
    return Finding(
        "azure-providers", "refuse", _where(region), message, registration(names, region.subscription)
    )


def _where(region: Region) -> str:
    return f"{region.name}, cluster {region.cluster.name}"


def _sizes(region: Region, pools: Sequence[NodePool], offer: OfferFacts) -> Iterator[Finding]:
    problems = [p for pool in pools if (p := size_problem(region, pool, offer))]
    hint = f"az vm list-skus --location {region.name} --resource-type virtualMachines --output table"
    for problem in problems:
        yield Finding("azure-sizes", "refuse", _where(region), problem, hint)
    if not problems:
        names = ", ".join(dict.fromkeys(p.vm_size for p in pools))
        yield Finding("azure-sizes", "pass", _where(region), f"{names}: to be had in {region.name}")


def size_problem(region: Region, pool: NodePool, offer: OfferFacts) -> str:
    """Why the location cannot give this pool's machines, or empty."""
    size = offer.size(pool.vm_size)
    if size is None:
        return f"pool {pool.name}: {region.name} has no size {pool.vm_size}"
    if size.restriction:
        return f"pool {pool.name}: this subscription does not get {pool.vm_size} in {region.name} ({size.restriction})"
    if missing := [z for z in pool.zones if z not in size.zones]:
        has = f"only in zones {', '.join(size.zones)}" if size.zones else "in no zone"
        return f"pool {pool.name}: {region.name} has {pool.vm_size} {has}, and the file says zone {', '.join(missing)}"
    return ""


def wanted_cores(pools: Sequence[NodePool], offer: OfferFacts) -> dict[str, int]:
    """Cores that the pools take: all of them under `cores`, and those of each family under its name."""
    wanted = {"cores": 0}
    for pool in pools:
        if size := offer.size(pool.vm_size):
            wanted["cores"] += pool.count * size.cores
            wanted[size.family] = wanted.get(size.family, 0) + pool.count * size.cores
    return wanted


def _quota(region: Region, pools: Sequence[NodePool], offer: OfferFacts, taker: str) -> Iterator[Finding]:
    wanted = wanted_cores(pools, offer)
    known = [(q, n) for name, n in wanted.items() if (q := offer.quota(name)) is not None]
    short = [(q, n) for q, n in known if n > q.limit - q.used]
    hint = f"az vm list-usage --location {region.name}; ask for more, or take fewer or smaller machines"
    for quota, number in short:
        yield Finding("azure-quota", "refuse", _where(region), _short(quota, number, region, taker), hint)
    if known and not short:
        quota, number = known[0]
        left = quota.limit - quota.used
        message = f"{number} of {left} vCPUs that are left in {region.name} are taken"
        yield Finding("azure-quota", "pass", _where(region), message)


def _short(quota: QuotaFacts, number: int, region: Region, taker: str) -> str:
    what = "all sizes" if quota.name.lower() == "cores" else quota.name
    left = quota.limit - quota.used
    return f"{taker} takes {number} vCPUs, and {left} of {quota.limit} are left in {region.name} for {what}"


def _version(topology: Topology, region: Region, first: ClusterFacts | None) -> Iterator[Finding]:
    wanted = region.cluster.kubernetes_version or (first.kubernetes_version if first else "")
    if reason := doubt(topology.hybrid_version, wanted):
        hint = "https://cloud.google.com/apigee/docs/hybrid/supported-platforms lists what is supported"
        yield Finding("kubernetes-version", "warn", _where(region), reason, hint)
    elif wanted:
        yield Finding("kubernetes-version", "pass", _where(region), f"Kubernetes {wanted}")
