"""Answers about an installation, written out as a commented topology file; the way back from values to YAML.

Ranges that nobody has given are derived: as large as the first region's, private, and apart from everything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from itertools import count

from hybridspan.topology.model import Connection, Installer, Mode, NetworkPlugin, NodePool

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_AMBIGUOUS = re.compile(
    r"[0-9._+-]*(e[0-9]+)?|true|false|null|yes|no|on|off|0x[0-9a-f]+|0o[0-7]+", re.IGNORECASE
)

USUAL_POOLS = (
    NodePool("apigeerun", 3, "Standard_D4s_v5", "System", None, (), ()),
    NodePool("apigeedata", 3, "Standard_D8s_v5", "User", None, (), ()),
)


@dataclass(frozen=True, slots=True)
class RegionDraft:
    """What `init` knows of one region."""

    name: str
    datacenter: str
    network: str
    ranges: tuple[IPv4Network, ...]
    subnet: str
    subnet_range: IPv4Network
    cluster: str
    service_range: IPv4Network
    overrides: str
    cassandra_nodes: int
    rack: str = "ra-1"
    context: str | None = None
    plugin: NetworkPlugin | None = None
    pools: tuple[NodePool, ...] = USUAL_POOLS
    exists: bool = False
    pod_subnet: tuple[str, IPv4Network] | None = None
    network_id: str | None = None
    cluster_id: str | None = None
    connected: Connection = "peering"


@dataclass(frozen=True, slots=True)
class TopologyDraft:
    """What `init` knows of the installation."""

    name: str
    organization: str
    mode: Mode
    installer: Installer
    hybrid_version: str
    subscription: str
    resource_group: str
    namespace: str
    cassandra_cluster: str
    replication_factor: int
    regions: tuple[RegionDraft, ...]
    endpoint: str | None = None


def another_region(draft: TopologyDraft, name: str, given: IPv4Network | None = None) -> RegionDraft:
    """A region like the first one, with a network of its own; `given` is its range, where the person knows it."""
    first, used = draft.regions[0], {region.datacenter.casefold() for region in draft.regions}
    datacenter = next(dc for number in count(len(draft.regions) + 1) if (dc := f"dc-{number}") not in used)
    network = given or free_range(first.ranges[0].prefixlen, _taken(draft.regions))
    vnet = f"{draft.resource_group}-vnet-{name}"
    cluster = f"apigee-{name}"
    return replace(
        first,
        name=name,
        datacenter=datacenter,
        network=vnet,
        ranges=(network,),
        subnet=f"{vnet}-subnet",
        subnet_range=_like(first.subnet_range, first.ranges[0], network),
        cluster=cluster,
        context=None,
        exists=False,
        pod_subnet=_pods_like(first, network, vnet),
        network_id=None,
        cluster_id=None,
        connected="peering",
        overrides=f"overrides_{cluster}.yaml",
    )


def free_range(length: int, taken: Iterable[IPv4Network]) -> IPv4Network:
    """The first private range of that prefix length that overlaps nothing taken; ValueError where there is none.

    It begins at 10.16.0.0, to leave alone the low ranges that services and pods have by default.
    """
    used = tuple(taken)
    wanted = min(max(length, 12), 29)
    for second in range(16, 256):
        for candidate in _blocks(IPv4Network(f"10.{second}.0.0/16"), wanted):
            if not any(candidate.overlaps(other) for other in used):
                return candidate
    raise ValueError(f"no private /{wanted} is free")


def _blocks(block: IPv4Network, length: int) -> Iterable[IPv4Network]:
    if length >= 16:
        return block.subnets(new_prefix=length)
    return (block.supernet(new_prefix=length),)


def _taken(regions: Iterable[RegionDraft]) -> list[IPv4Network]:
    pods_by_default = IPv4Network("10.244.0.0/16")
    return [pods_by_default, *(n for r in regions for n in (*r.ranges, r.service_range))]


def _like(subnet: IPv4Network, network: IPv4Network, other: IPv4Network) -> IPv4Network:
    """The subnet at the same place in the other network, or all of that where it does not fit."""
    offset = int(subnet.network_address) - int(network.network_address)
    if network.prefixlen != other.prefixlen or offset < 0:
        return other
    return IPv4Network((int(other.network_address) + offset, subnet.prefixlen))


def _pods_like(first: RegionDraft, network: IPv4Network, vnet: str) -> tuple[str, IPv4Network] | None:
    if first.pod_subnet is None:
        return None
    return f"{vnet}-pods", _like(first.pod_subnet[1], first.ranges[0], network)


def draft_text(draft: TopologyDraft) -> str:
    """The commented YAML."""
    endpoint = f"    endpoint: {_word(draft.endpoint)}\n" if draft.endpoint else ""
    head = _HEAD.format(
        name=_word(draft.name),
        organization=_word(draft.organization),
        mode=draft.mode,
        installer=draft.installer,
        version=_word(draft.hybrid_version),
        subscription=_word(draft.subscription),
        group=_word(draft.resource_group),
        endpoint=endpoint,
        namespace=_word(draft.namespace),
        cluster=_word(draft.cassandra_cluster),
        factor=draft.replication_factor,
    )
    return _aligned(
        head + "".join(_region(region, index) for index, region in enumerate(_told_apart(draft.regions)))
    )


def _told_apart(regions: Iterable[RegionDraft]) -> Iterable[RegionDraft]:
    """Clusters of one name in several groups: all but the first get a context and an overrides file of their own names."""
    contexts: set[str] = set()
    files: set[str] = set()
    for region in regions:
        own = f"{region.cluster}-{region.name}"
        context = own if (region.context or region.cluster) in contexts else region.context
        file = f"overrides_{own}.yaml" if region.overrides in files else region.overrides
        contexts.add(context or region.cluster)
        files.add(file)
        yield replace(region, context=context, overrides=file)


_HEAD = """\
# What hybridspan is to bring about. `hybridspan validate` judges this file, `hybridspan plan` shows what it means.
# Every key: docs/topology.md; for completion in an editor: hybridspan validate --print-schema.
apiVersion: hybridspan/v1
kind: HybridTopology
metadata:
  name: {name}
spec:
  organization: {organization}
  mode: {mode}  # active-active or active-passive
  installer: {installer}  # apigeectl before 1.12, helm from 1.12 on
  hybridVersion: {version}  # of the existing installation; the same everywhere
  azure:
    subscription: {subscription}
    resourceGroup: {group}
{endpoint}  namespace: {namespace}
  cassandra:
    clusterName: {cluster}  # equal in every region, never changed
    replicationFactor: {factor}  # replicas in each data center
    sourceRepair: ask  # when the source's last repair is old: ask, require, run or waive
  regions:
"""


def _aligned(text: str) -> str:
    """Comments at the end of lines begin in one column, where the line leaves room."""
    lines = (line.split("  # ", 1) for line in text.splitlines())
    return "".join(f"{line[0]:<42}  # {line[1]}\n" if len(line) == 2 else f"{line[0]}\n" for line in lines)


def _region(region: RegionDraft, index: int) -> str:
    told = "the installation that exists" if index == 0 or region.exists else "to be added"
    elsewhere = f"        id: {_word(region.cluster_id)}\n" if region.cluster_id else ""
    context = f"{elsewhere}        context: {_word(region.context)}\n" if region.context else elsewhere
    plugin = f"        networkPlugin: {region.plugin}\n" if region.plugin and index == 0 else ""
    copy = "" if index == 0 else "      # copyFrom: dc-1 (the default: the first region's data center)\n"
    ranges = ", ".join(map(str, region.ranges))
    pools = "".join(f"          - {_pool(pool)}\n" for pool in region.pools)
    return f"""\
    - name: {_word(region.name)}  # {told}
      datacenter: {_word(region.datacenter)}  # Cassandra's name for it; never changed once a node has started
      rack: {_word(region.rack)}
{copy}      network:
        name: {_word(region.network)}
        addressPrefixes: [{ranges}]
        subnet: {{name: {_word(region.subnet)}, prefix: {region.subnet_range}}}
{_found_network(region)}      cluster:
        name: {_word(region.cluster)}
{context}        serviceCidr: {region.service_range}  # seen inside this cluster only
{plugin}        nodePools:
{pools}      overrides: {_word(region.overrides)}
      cassandraNodes: {region.cassandra_nodes}
"""


def _found_network(region: RegionDraft) -> str:
    """What is there under other names, in other places, or connected by others."""
    lines = []
    if region.pod_subnet:
        name, prefix = region.pod_subnet
        lines.append(f"podSubnet: {{name: {_word(name)}, prefix: {prefix}}}")
    if region.network_id:
        lines.append(f"id: {_word(region.network_id)}")
    if region.connected == "otherwise":
        lines.append("connected: otherwise  # by a hub or a VPN: nothing is peered")
    return "".join(f"        {line}\n" for line in lines)


def _pool(pool: NodePool) -> str:
    parts = [
        f"name: {_word(pool.name)}",
        f"mode: {pool.mode}",
        f"count: {pool.count}",
        f"vmSize: {_word(pool.vm_size)}",
    ]
    if pool.max_pods is not None:
        parts.append(f"maxPods: {pool.max_pods}")
    if pool.zones:
        parts.append("zones: [" + ", ".join(f'"{zone}"' for zone in pool.zones) + "]")
    return "{" + ", ".join(parts) + "}"


def _word(text: str) -> str:
    """A YAML scalar: plain where nobody could misread it, quoted otherwise."""
    if _PLAIN.fullmatch(text) and (not _AMBIGUOUS.fullmatch(text) or text.count(".") > 1):
        return text
    return json.dumps(text, ensure_ascii=False)
