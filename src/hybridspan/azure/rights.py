"""Which rights a run needs, where, and which of them are missing: asked before anything is changed.

Azure says at every scope what the caller may do there, what is inherited included. Only what this run will really write
is asked for: reading has shown itself to work by then.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from hybridspan.facts.azure import PermissionFacts, RegionAzureFacts
from hybridspan.facts.world import Finding
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region, Topology

GROUP_WRITE: Final = "Microsoft.Resources/subscriptions/resourceGroups/write"
NETWORK_WRITE: Final = "Microsoft.Network/virtualNetworks/write"
SUBNET_WRITE: Final = "Microsoft.Network/virtualNetworks/subnets/write"
SUBNET_JOIN: Final = "Microsoft.Network/virtualNetworks/subnets/join/action"
PEER: Final = "Microsoft.Network/virtualNetworks/peer/action"
PEERING_WRITE: Final = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write"
PEERING_DELETE: Final = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/delete"
RULE_WRITE: Final = "Microsoft.Network/networkSecurityGroups/securityRules/write"
CLUSTER_WRITE: Final = "Microsoft.ContainerService/managedClusters/write"
POOL_WRITE: Final = "Microsoft.ContainerService/managedClusters/agentPools/write"
CREDENTIALS: Final = "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action"
ROLE_WRITE: Final = "Microsoft.Authorization/roleAssignments/write"


@dataclass(frozen=True, slots=True)
class Right:
    """An action that the run needs at a scope."""

    action: str
    scope: str
    region: str


def needed(topology: Topology, azure: Mapping[str, RegionAzureFacts]) -> list[Right]:
    """What applying this topology to what is there takes, each once."""
    found = [*_of_pairs(topology, azure)]
    for region in topology.regions:
        found += _of_region(region, azure[region.name])
    return list(dict.fromkeys(found))


def _of_region(region: Region, facts: RegionAzureFacts) -> Iterator[Right]:
    group = group_scope(region, facts)
    if not facts.resource_group_exists:
        yield Right(GROUP_WRITE, group, region.name)
    network = network_scope(region, facts)
    if facts.network is None or region.network.manage:
        yield Right(NETWORK_WRITE, network, region.name)
    if facts.network and any(facts.network.subnet(s.name) is None for s in region.network.subnets):
        yield Right(SUBNET_WRITE, network, region.name)
    if facts.cluster is None:
        yield Right(CLUSTER_WRITE, group, region.name)
        yield Right(SUBNET_JOIN, network, region.name)
        return
    there = {p.name.lower() for p in facts.cluster.node_pools}
    if region.cluster.manage or any(p.name.lower() not in there for p in region.cluster.node_pools):
        yield Right(POOL_WRITE, facts.cluster.id, region.name)
    if region.cluster.context is None:
        yield Right(CREDENTIALS, facts.cluster.id, region.name)


def _of_pairs(topology: Topology, azure: Mapping[str, RegionAzureFacts]) -> Iterator[Right]:
    for pair in combinations(topology.regions, 2):
        if any(region.network.connected == "otherwise" for region in pair):
            continue
        for local, remote in (pair, pair[::-1]):
            yield from _of_direction(local, azure[local.name], azure_ids.network_id(remote))


def _of_direction(local: Region, facts: RegionAzureFacts, remote: str) -> Iterator[Right]:
    present = facts.network.peering_to(remote) if facts.network else None
    if present is not None and present.carries_traffic:
        return
    scope = network_scope(local, facts)
    yield Right(PEERING_WRITE, scope, local.name)
    yield Right(PEER, scope, local.name)
    if present is not None and present.state == "Disconnected":
        yield Right(PEERING_DELETE, scope, local.name)


def of_rules(closed: Iterable[tuple[str, str]]) -> list[Right]:
    """What opening ports takes, for each group's id and region in which a rule will be written."""
    return list(dict.fromkeys(Right(RULE_WRITE, group, region) for group, region in closed))


def wished(topology: Topology, azure: Mapping[str, RegionAzureFacts]) -> list[Right]:
    """What a run does without, and says so: giving the cluster's identity its role on its subnet."""
    made = [r for r in topology.regions if azure[r.name].cluster is None]
    return [Right(ROLE_WRITE, network_scope(r, azure[r.name]), r.name) for r in made]


def group_scope(region: Region, facts: RegionAzureFacts) -> str:
    """The resource group, or the subscription where the group is still to be made."""
    if facts.resource_group_exists:
        return azure_ids.group_id(region)
    return f"/subscriptions/{region.subscription}"


def network_scope(region: Region, facts: RegionAzureFacts) -> str:
    """The network, or what it will be made in."""
    return facts.network.id if facts.network else group_scope(region, facts)


def holds(permissions: Iterable[PermissionFacts], action: str) -> bool:
    """Whether one of the roles allows the action; a role's own exceptions count for that role only."""
    return any(_matches(p.actions, action) and not _matches(p.not_actions, action) for p in permissions)


def _matches(patterns: Sequence[str], action: str) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def findings(
    rights: Sequence[Right],
    wishes: Sequence[Right],
    permissions: Mapping[str, tuple[PermissionFacts, ...] | str],
) -> Iterator[Finding]:
    """One for each scope; a text in place of permissions says why they could not be asked."""
    by_scope: dict[str, list[Right]] = {}
    for right in rights:
        by_scope.setdefault(right.scope, []).append(right)
    for scope, wanted in by_scope.items():
        yield _finding(scope, wanted, permissions[scope])
    for wish in wishes:
        granted = permissions[wish.scope]
        if not isinstance(granted, str) and not holds(granted, wish.action):
            hint = "an owner then gives the cluster's identity Network Contributor on its subnet, for internal load balancers"
            message = f"{wish.action} is missing: the cluster is made without a role on its subnet"
            yield Finding("azure-rights", "warn", f"{wish.region}, {wish.scope}", message, hint)


def _finding(scope: str, wanted: list[Right], granted: tuple[PermissionFacts, ...] | str) -> Finding:
    where = f"{wanted[0].region}, {scope}"
    if isinstance(granted, str):
        return Finding("azure-rights", "unknown", where, f"the rights could not be asked: {granted}")
    actions = dict.fromkeys(right.action for right in wanted)
    missing = [action for action in actions if not holds(granted, action)]
    if missing:
        hint = "give a role with these actions on this scope (docs/azure.md, Rights); it may take minutes to count"
        return Finding("azure-rights", "refuse", where, f"missing: {', '.join(missing)}", hint)
    return Finding(
        "azure-rights", "pass", where, f"all {len(actions)} actions that the run needs are allowed"
    )
