"""Which rights a run needs, where, and which of them are missing: asked before anything is changed.

Azure says at every scope what the caller may do there, what is inherited included. Only what this run will really do is
asked for. Most reading has shown itself to work by then; what is read only in order to be written again is asked for too.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from hybridspan.azure.calls import is_terminal
from hybridspan.azure.clusters import state_of
from hybridspan.azure.networks import added_prefixes, own_states
from hybridspan.facts.azure import ClusterFacts, PeeringFacts, PermissionFacts, RegionAzureFacts, has_failed
from hybridspan.facts.azure_bodies import is_marked
from hybridspan.facts.world import Finding
from hybridspan.plan.phases.pools import failed_pools, missing_pools, raised_pools
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region, Topology

Pairs = tuple[tuple[str, str], ...]

GROUP_WRITE: Final = "Microsoft.Resources/subscriptions/resourceGroups/write"
NETWORK_WRITE: Final = "Microsoft.Network/virtualNetworks/write"
SUBNET_WRITE: Final = "Microsoft.Network/virtualNetworks/subnets/write"
SUBNET_JOIN: Final = "Microsoft.Network/virtualNetworks/subnets/join/action"
PEER: Final = "Microsoft.Network/virtualNetworks/peer/action"
PEERING_WRITE: Final = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write"
PEERING_READ: Final = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/read"
PEERING_DELETE: Final = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/delete"
RULE_WRITE: Final = "Microsoft.Network/networkSecurityGroups/securityRules/write"
CLUSTER_WRITE: Final = "Microsoft.ContainerService/managedClusters/write"
POOL_READ: Final = "Microsoft.ContainerService/managedClusters/agentPools/read"
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
        facts = azure[region.name]
        if not facts.resource_group_exists:
            found.append(Right(GROUP_WRITE, group_scope(region, facts), region.name))
        found += _of_network(topology, region, facts)
        if region != topology.first:
            found += _of_cluster(topology, region, facts)
        if region.cluster.context is None:
            found.append(Right(CREDENTIALS, cluster_scope(region, facts), region.name))
    return list(dict.fromkeys(found))


def _of_network(topology: Topology, region: Region, facts: RegionAzureFacts) -> Iterator[Right]:
    network, scope = facts.network, network_scope(region, facts)
    if network is None:
        yield Right(NETWORK_WRITE, scope, region.name)
        return
    if _is_ours_and_failed(topology, network.tags, own_states(network)) or added_prefixes(region, network):
        yield Right(NETWORK_WRITE, scope, region.name)
        # The whole document goes back: Azure asks again for all that it names.
        yield from (Right(_joining(other), other, region.name) for other in network.references)
        yield from (Right(PEER, peering.remote_network_id, region.name) for peering in network.peerings)
    if any(network.subnet(declared.name) is None for declared in region.network.subnets):
        yield Right(SUBNET_WRITE, scope, region.name)


def _joining(resource_id: str) -> str:
    """The action that refers to a resource: its type, and `join`."""
    parts = resource_id.split("/")
    return f"{parts[6]}/{parts[7]}/join/action"


def _of_cluster(topology: Topology, region: Region, facts: RegionAzureFacts) -> Iterator[Right]:
    if _is_written(topology, facts.cluster):
        yield Right(CLUSTER_WRITE, cluster_scope(region, facts), region.name)
        yield Right(SUBNET_JOIN, network_scope(region, facts), region.name)
    if facts.cluster is None:
        return
    failed = failed_pools(region, facts.cluster, topology.name)
    again = bool(failed or raised_pools(region, facts.cluster))
    if again or missing_pools(region, facts.cluster):
        yield Right(POOL_WRITE, facts.cluster.id, region.name)
        yield Right(SUBNET_JOIN, network_scope(region, facts), region.name)
    if again:
        yield Right(POOL_READ, facts.cluster.id, region.name)


def _is_written(topology: Topology, cluster: ClusterFacts | None) -> bool:
    """Whether the cluster itself is made, or made again after Azure has failed to."""
    return cluster is None or _is_ours_and_failed(topology, cluster.tags, [cluster.provisioning_state])


def _gets_its_role(topology: Topology, cluster: ClusterFacts | None) -> bool:
    """Whether the run makes the cluster, or waits for one of ours whose maker has gone."""
    if cluster is None or _is_written(topology, cluster):
        return True
    return is_marked(topology.name, cluster.tags) and not is_terminal(state_of(cluster))


def _is_ours_and_failed(topology: Topology, tags: Pairs, states: Iterable[str]) -> bool:
    ours = is_marked(topology.name, tags)
    return ours and any(map(has_failed, states))


def _of_pairs(topology: Topology, azure: Mapping[str, RegionAzureFacts]) -> Iterator[Right]:
    for pair in combinations(topology.regions, 2):
        if any(region.network.connected == "otherwise" for region in pair):
            continue
        there = [_towards(local, remote, azure) for local, remote in (pair, pair[::-1])]
        is_torn = any(p is not None and p.state == "Disconnected" for p in there)
        is_stuck = all(p is not None and p.state == "Initiated" for p in there)
        is_wider = any(_is_widened(region, azure[region.name]) for region in pair)
        for (local, remote), present in zip((pair, pair[::-1]), there, strict=True):
            if not (is_torn or is_stuck or is_wider or present is None or _is_to_be_mended(present)):
                continue
            scope = network_scope(local, azure[local.name])
            yield Right(PEERING_WRITE, scope, local.name)
            yield Right(PEER, network_scope(remote, azure[remote.name]), remote.name)
            if present is not None:
                yield Right(PEERING_READ, scope, local.name)
            if present is not None and is_torn:
                yield Right(PEERING_DELETE, scope, local.name)


def _is_to_be_mended(present: PeeringFacts) -> bool:
    """Whether a side itself is written; one that is Initiated only waits for the other."""
    return present.state != "Initiated" and not present.carries_traffic


def _towards(local: Region, remote: Region, azure: Mapping[str, RegionAzureFacts]) -> PeeringFacts | None:
    network = azure[local.name].network
    return network.peering_to(azure_ids.network_id(remote)) if network else None


def _is_widened(region: Region, facts: RegionAzureFacts) -> bool:
    """Whether the run adds ranges, after which every peering of the network is synchronised."""
    return facts.network is not None and bool(added_prefixes(region, facts.network))


def of_rules(closed: Iterable[tuple[str, str]]) -> list[Right]:
    """What opening ports takes, for each group's id and region in which a rule will be written."""
    return list(dict.fromkeys(Right(RULE_WRITE, group, region) for group, region in closed))


def wished(topology: Topology, azure: Mapping[str, RegionAzureFacts]) -> list[Right]:
    """What a run does without, and says so: giving the cluster's identity its role on its subnet."""
    made = [r for r in topology.new_regions if _gets_its_role(topology, azure[r.name].cluster)]
    return [Right(ROLE_WRITE, network_scope(r, azure[r.name]), r.name) for r in made]


def group_scope(region: Region, facts: RegionAzureFacts) -> str:
    """The resource group, or the subscription where the group is still to be made."""
    if facts.resource_group_exists:
        return azure_ids.group_id(region)
    return f"/subscriptions/{region.subscription}"


def network_scope(region: Region, facts: RegionAzureFacts) -> str:
    """The network, or what it will be made in."""
    return facts.network.id if facts.network else group_scope(region, facts)


def cluster_scope(region: Region, facts: RegionAzureFacts) -> str:
    """The cluster, or what it will be made in."""
    return facts.cluster.id if facts.cluster else group_scope(region, facts)


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
        "azure-rights", "pass", where, f"all that the run needs there is allowed ({len(actions)} checked)"
    )
