"""What `init` can learn by itself: from an overrides file, from the cluster, from Azure; read-only.

Whatever cannot be reached is told and then asked for, so nothing here is fatal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from hybridspan.errors import HybridspanError
from hybridspan.facts.azure import RegionAzureFacts
from hybridspan.facts.kubernetes import ClusterObjects
from hybridspan.observation.description import pools_of
from hybridspan.topology.model import NetworkPlugin, NodePool, Topology
from hybridspan.topology.source import KeyPath, read_source


@dataclass(frozen=True, slots=True)
class Known:
    """Answers that were found, by the name of `init`'s question, and what could not be looked at."""

    answers: Mapping[str, str] = field(default_factory=dict)
    pools: tuple[NodePool, ...] = ()
    remarks: tuple[str, ...] = ()

    def with_found(self, other: Known) -> Known:
        """Both; what the other one found counts more."""
        return Known(
            {**self.answers, **other.answers}, other.pools or self.pools, self.remarks + other.remarks
        )


_FROM_OVERRIDES: Mapping[str, KeyPath] = {
    "organization": ("org",),
    "namespace": ("namespace",),
    "cluster": ("k8sCluster", "name"),
    "datacenter": ("cassandra", "datacenter"),
    "rack": ("cassandra", "rack"),
    "cassandra-cluster": ("cassandra", "clusterName"),
    "nodes": ("cassandra", "replicaCount"),
}


def from_overrides(file: Path) -> Known:
    """What the overrides say; TopologyError where they cannot be read."""
    from hybridspan.topology.overrides import DeclaredOverrides

    source = read_source(file)
    value: dict[str, Any] = source.value if isinstance(source.value, dict) else {}
    declared = DeclaredOverrides(file, value, source.where)
    found = {question: declared.declared(path) for question, path in _FROM_OVERRIDES.items()}
    return Known({question: str(answer) for question, answer in found.items() if answer is not None})


async def from_live(topology: Topology, *, ask_azure: bool) -> Known:
    """What the first region's cluster, and Azure where it is asked, say of themselves."""
    from hybridspan.observation.estate import Estate

    region, known = topology.first, Known()
    async with Estate(topology) as estate:
        if ask_azure:
            try:
                known = known.with_found(from_azure(await estate.azure(region).region_facts(region)))
            except (HybridspanError, ImportError) as failure:
                known = known.with_found(Known(remarks=(f"Azure could not be asked: {failure}",)))
        try:
            cluster = await estate.cluster(region)
            known = known.with_found(from_objects(await cluster.objects(region.namespace), known))
        except (HybridspanError, ImportError) as failure:
            known = known.with_found(Known(remarks=(f"the cluster could not be asked: {failure}",)))
    return known


def from_azure(facts: RegionAzureFacts) -> Known:
    """Ranges, plugin and pools as Azure has them."""
    answers: dict[str, str] = {}
    if facts.network:
        answers["existing-region"] = facts.network.location
        answers["network-range"] = ",".join(map(str, facts.network.address_prefixes))
        for subnet in facts.network.subnets[:1]:
            answers["subnet"] = subnet.name
            answers["subnet-range"] = str(subnet.prefixes[0])
    cluster = facts.cluster
    if cluster is None:
        return Known(answers)
    if cluster.service_cidr:
        answers["service-cidr"] = str(cluster.service_cidr)
    if plugin := _plugin(cluster.network_plugin, cluster.network_plugin_mode):
        answers["network-plugin"] = plugin
    return Known(answers, pools_of(cluster))


def _plugin(plugin: str, mode: str | None) -> NetworkPlugin | None:
    if plugin == "azure":
        return "azure-overlay" if mode == "overlay" else "azure"
    return "kubenet" if plugin == "kubenet" else None


def from_objects(objects: ClusterObjects, known: Known) -> Known:
    """Region and pools as the nodes' labels have them, where Azure has not told already."""
    answers: dict[str, str] = {}
    labels = [node.labels for node in objects.nodes]
    location = next((found for each in labels if (found := each.get("topology.kubernetes.io/region"))), None)
    if location and "existing-region" not in known.answers:
        answers["existing-region"] = location
    return Known(answers, known.pools or _pools(labels))


def _pools(labels: list[Mapping[str, str]]) -> tuple[NodePool, ...]:
    by_pool: dict[str, list[Mapping[str, str]]] = {}
    for each in labels:
        if name := each.get("kubernetes.azure.com/agentpool") or each.get("agentpool"):
            by_pool.setdefault(name, []).append(each)
    return tuple(
        NodePool(
            name,
            len(nodes),
            nodes[0].get("node.kubernetes.io/instance-type", "Standard_D8s_v5"),
            "System" if nodes[0].get("kubernetes.azure.com/mode") == "system" else "User",
            None,
            (),
            (),
        )
        for name, nodes in by_pool.items()
    )


def ranges(text: str) -> tuple[IPv4Network, ...]:
    """`10.1.0.0/16,10.2.0.0/16`; ValueError in words where one is none."""
    found = tuple(IPv4Network(part.strip()) for part in text.split(",") if part.strip())
    if not found:
        raise ValueError("a range such as 10.16.0.0/16 is needed")
    return found
