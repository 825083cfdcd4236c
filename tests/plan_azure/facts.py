"""Azure facts in a few words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hybridspan.facts.azure import (
    ClusterFacts,
    NetworkFacts,
    NodePoolFacts,
    PeeringFacts,
    RegionAzureFacts,
    SecurityGroupFacts,
    SecurityRuleFacts,
    SubnetFacts,
)
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region

NOTHING = RegionAzureFacts(False, None, (), None)


def group_id(region: Region) -> str:
    return f"{azure_ids.group_id(region)}/providers/Microsoft.Network/networkSecurityGroups/{region.name}-nsg"


def network(region: Region, *peerings: PeeringFacts, guarded: bool = False) -> NetworkFacts:
    declared = region.network
    guard = group_id(region) if guarded else None
    subnet = SubnetFacts(
        azure_ids.subnet_id(region), declared.subnet.name, (declared.subnet.prefix,), guard, "Succeeded"
    )
    return NetworkFacts(
        id=azure_ids.network_id(region),
        name=declared.name,
        location=region.name,
        address_prefixes=declared.address_prefixes,
        subnets=(subnet,),
        peerings=peerings,
        etag='W/"1"',
        provisioning_state="Succeeded",
    )


def peering(
    remote: Region, state: str = "Connected", sync: str = "FullyInSync", *, access: bool = True
) -> PeeringFacts:
    return PeeringFacts(
        id=f"/peerings/to-{remote.name}",
        name=f"to-{remote.name}",
        remote_network_id=azure_ids.network_id(remote).upper(),
        state=state,
        sync_level=sync,
        allow_access=access,
        provisioning_state="Succeeded",
        remote_prefixes=remote.network.address_prefixes,
    )


def cluster(region: Region, **changes: Any) -> ClusterFacts:
    pools = tuple(
        NodePoolFacts(
            p.name,
            p.count,
            p.vm_size,
            p.mode,
            p.max_pods,
            p.zones,
            p.labels,
            azure_ids.subnet_id(region),
            "Succeeded",
        )
        for p in region.cluster.node_pools
    )
    plain = ClusterFacts(
        id=azure_ids.cluster_id(region),
        name=region.cluster.name,
        location=region.name,
        kubernetes_version="1.33.5",
        network_plugin="azure",
        network_plugin_mode=None,
        service_cidr=region.cluster.service_cidr,
        pod_cidr=None,
        node_pools=pools,
        provisioning_state="Succeeded",
        power_state="Running",
        node_resource_group=f"MC_{region.name}",
    )
    return replace(plain, **changes)


def rule(priority: int, direction: str, access: str = "Deny", **changes: Any) -> SecurityRuleFacts:
    plain = SecurityRuleFacts(
        name=f"{access.lower()}-{priority}",
        priority=priority,
        direction=direction,
        access=access,
        protocol="*",
        sources=("*",),
        source_ports=("*",),
        destinations=("*",),
        destination_ports=("*",),
    )
    return replace(plain, **changes)


def here(
    region: Region,
    *peerings: PeeringFacts,
    rules: tuple[SecurityRuleFacts, ...] | None = None,
    aks: ClusterFacts | None = None,
) -> RegionAzureFacts:
    guarded = rules is not None
    groups = (
        (SecurityGroupFacts(group_id(region), f"{region.name}-nsg", rules or (), 'W/"1"'),) if guarded else ()
    )
    return RegionAzureFacts(True, network(region, *peerings, guarded=guarded), groups, aks)


def world(**regions: RegionAzureFacts) -> WorldFacts:
    return WorldFacts(0.0, {n: RegionFacts(f, None, None, ()) for n, f in regions.items()}, None)
