"""What Azure's part of an estate makes of a run, before it begins: pure questions about facts."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from itertools import combinations

from hybridspan.azure import offered
from hybridspan.facts.azure import ClusterFacts, NetworkFacts, RegionAzureFacts
from hybridspan.facts.world import Finding, Severity
from hybridspan.plan.phases.cluster_commands import place, write_again
from hybridspan.plan.phases.clusters import plugin_of
from hybridspan.topology.model import Region, Subnet, Topology
from hybridspan.topology.validation import capacity


def findings(topology: Topology, azure: Mapping[str, RegionAzureFacts]) -> list[Finding]:
    """Everything worth saying about networks, peerings, clusters and addresses."""
    like = azure[topology.first.name].cluster
    found = [*_first_region(topology, azure[topology.first.name])]
    for region in topology.regions:
        facts = azure[region.name]
        found += [
            *_power(region, facts.cluster),
            *_addresses(region, facts, like),
            *_torn(region, facts.network),
        ]
        found += _access(region, facts.cluster)
        found += _roles(region, facts)
    found += _overlaps(topology, azure)
    found += offered.findings(topology, azure)
    found += _routable(topology, like)
    return found


def _first_region(topology: Topology, facts: RegionAzureFacts) -> Iterator[Finding]:
    region = topology.first
    where = f"{region.name}, resource group {region.resource_group}"
    if facts.cluster is None:
        message = f"the first region has no AKS cluster {region.cluster.name}: there is nothing to span from"
        hint = "correct its name or resource group, or install hybrid there first, by its own guide"
        yield Finding("azure-first-region", "refuse", where, message, hint)
        return
    elsewhere = [
        p for p in facts.cluster.node_pools if p.subnet_id and not _lies_in(p.subnet_id, facts.network)
    ]
    if elsewhere:
        message = (
            f"node pool {elsewhere[0].name} lies in {elsewhere[0].subnet_id}, not in {region.network.name}"
        )
        hint = "name in the file the network that the cluster lies in: peering another one helps nobody"
        yield Finding("azure-first-region", "refuse", where, message, hint)
        return
    yield Finding(
        "azure-first-region", "pass", where, f"AKS cluster {facts.cluster.name} lies in the declared network"
    )


def _lies_in(subnet_id: str, network: NetworkFacts | None) -> bool:
    return network is not None and subnet_id.lower().startswith(network.id.lower() + "/")


def _power(region: Region, cluster: ClusterFacts | None) -> Iterator[Finding]:
    if cluster is None:
        return
    where = f"{region.name}, cluster {cluster.name}"
    if cluster.power_state.lower() == "stopped":
        hint = shlex.join(("az", "aks", "start", *place(region), "--name", cluster.name))
        yield Finding("azure-power", "refuse", where, "the cluster is stopped", hint)
    elif cluster.provisioning_state == "Failed":
        message = "its last change has failed in Azure (provisioningState Failed); its nodes may be well all the same"
        hint = f"{shlex.join(write_again(region))} reconciles it"
        yield Finding("azure-power", "warn", where, message, hint)
    else:
        yield Finding("azure-power", "pass", where, "the cluster runs")


def _access(region: Region, cluster: ClusterFacts | None) -> Iterator[Finding]:
    if cluster is None:
        return
    where = f"{region.name}, cluster {cluster.name}"
    if cluster.is_private:
        message = (
            "its API server has a private address only: this machine must be in, or peered with, its network"
        )
        yield Finding("azure-access", "warn", where, message, "run hybridspan where kubectl reaches it")
    if cluster.needs_entra_login:
        message = "local accounts are off: only tokens of Entra ID are accepted"
        hint = "az aks install-cli brings kubelogin; it signs in as hybridspan does, or as a context of yours says"
        severity: Severity = "warn" if shutil.which("kubelogin") is None else "pass"
        yield Finding("azure-access", severity, where, message, hint)


def _roles(region: Region, facts: RegionAzureFacts) -> Iterator[Finding]:
    """Of a cluster that we made: without the role its internal load balancers wait for ever."""
    if facts.cluster is None:
        return
    for subnet in facts.unassigned:
        message = f"its identity has no role on subnet {subnet.rsplit('/', 1)[-1]}: internal load balancers get no address"
        hint = (
            f"az role assignment create --role 'Network Contributor' --assignee-principal-type ServicePrincipal "
            f"--assignee-object-id {facts.cluster.principal_id} --scope {subnet}"
        )
        yield Finding("azure-role", "warn", f"{region.name}, cluster {facts.cluster.name}", message, hint)


def demands(region: Region, like: ClusterFacts | None) -> list[tuple[Subnet, int, int]]:
    """For each subnet the addresses that the cluster's pools take of it, and those with the node that an upgrade adds."""
    pods, pools = region.network.pod_subnet, region.cluster.node_pools
    plugin = plugin_of(like) if like else ("azure-pod-subnet" if pods else "azure")
    needed = capacity.demand(pools, plugin)
    found = [(region.network.subnet, needed.at_rest, needed.with_upgrade)]
    if pods is not None and plugin == "azure-pod-subnet":
        least = needed.nodes * capacity.PODS_AT_ONCE
        found.append((pods, least, least + capacity.PODS_AT_ONCE))
    return found


def _addresses(region: Region, facts: RegionAzureFacts, like: ClusterFacts | None) -> Iterator[Finding]:
    if facts.cluster is not None:
        return  # its nodes have their addresses
    for subnet, wanted, with_upgrade in demands(region, like):
        yield _room(region, subnet, wanted, with_upgrade)


def _room(region: Region, subnet: Subnet, wanted: int, with_upgrade: int) -> Finding:
    usable = capacity.usable_addresses(subnet.prefix)
    where = f"{region.name}, subnet {subnet.name}"
    if wanted > usable:
        nodes = sum(p.count for p in region.cluster.node_pools)
        fits = usable // nodes - 1 if nodes else 0
        message = (
            f"{subnet.prefix} has {usable} usable addresses, and the cluster's nodes and pods take {wanted}"
        )
        takes_pods_singly = subnet != region.network.pod_subnet and fits > 0
        hint = f"a larger subnet, or maxPods of at most {fits}" if takes_pods_singly else "a larger subnet"
        return Finding("azure-addresses", "refuse", where, message, hint)
    more = with_upgrade - wanted
    message = f"{wanted} of {usable} usable addresses are taken; an upgrade takes another {more} for a while"
    if with_upgrade <= usable:
        return Finding("azure-addresses", "pass", where, message)
    hint = "the cluster comes up, but its upgrades will fail: a larger subnet now, or fewer maxPods"
    return Finding("azure-addresses", "warn", where, message, hint)


def _torn(region: Region, network: NetworkFacts | None) -> Iterator[Finding]:
    if network is None:
        return
    for peering in network.peerings:
        if peering.state == "Disconnected":
            message = (
                f"peering {peering.name} is Disconnected; one between two regions is made again on both sides"
            )
            hint = "apply mends it where it joins two of these regions; any other is its owner's to delete and make again"
            yield Finding("azure-peering", "warn", f"{region.name}, network {network.name}", message, hint)


def _overlaps(topology: Topology, azure: Mapping[str, RegionAzureFacts]) -> Iterator[Finding]:
    for a, b in combinations(topology.regions, 2):
        clash = [(x, y) for x in _live(a, azure) for y in _live(b, azure) if x.overlaps(y)]
        if clash:
            x, y = clash[0]
            message = f"the networks' ranges {x} and {y} overlap: Azure does not peer them"
            yield Finding(
                "azure-ranges", "refuse", f"{a.name} and {b.name}", message, "give the new one other ranges"
            )


def _live(region: Region, azure: Mapping[str, RegionAzureFacts]) -> tuple[IPv4Network, ...]:
    network = azure[region.name].network
    return network.address_prefixes if network else region.network.address_prefixes


def _routable(topology: Topology, first: ClusterFacts | None) -> Iterator[Finding]:
    """Pods of an overlay or of kubenet leave with their node's address: no peering reaches them."""
    if first is None:
        return
    where = f"{topology.first.name}, cluster {first.name}"
    mode = f" {first.network_plugin_mode}" if first.network_plugin_mode else ""
    plugin = f"network plugin {first.network_plugin}{mode}"
    if first.pods_are_routable:
        yield Finding(
            "azure-routable", "pass", where, f"{plugin}: pod addresses are reachable through peerings"
        )
        return
    message = (
        f"{plugin}: pod addresses are not reachable from another network, so Cassandra must use its nodes' own "
        "(cassandra.hostNetwork: true, in all regions, the existing one first)"
    )
    yield Finding("azure-routable", "pass", where, message)
