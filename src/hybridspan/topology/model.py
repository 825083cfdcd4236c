"""What the person declares: immutable values, with every default filled in and every derived name derived.

Nothing here reads a file or a live system; `loading` builds these values from YAML and `validation` judges them.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Literal, NewType

RegionName = NewType("RegionName", str)
"""The Azure location of a region, such as `eastus`; unique within a topology."""

DatacenterName = NewType("DatacenterName", str)
"""A Cassandra data center, such as `dc-1`; case sensitive, never changed once a node has started."""

Mode = Literal["active-active", "active-passive"]
Installer = Literal["apigeectl", "helm"]
ReplicationWay = Literal["resource", "direct"]
"""Who copies the data: the operator, by a CassandraDataReplication, or hybridspan itself."""
NetworkPlugin = Literal["azure", "azure-overlay", "azure-pod-subnet", "kubenet"]
Connection = Literal["peering", "otherwise"]
"""How a network reaches the other regions': by peerings that are ours to make, or by a hub or VPN that is not."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """The subnet that the cluster's nodes (and, with Azure CNI, pods) take their addresses from."""

    name: str
    prefix: IPv4Network


@dataclass(frozen=True, slots=True)
class Network:
    """A region's virtual network.

    `id` is declared for a network that exists elsewhere than in the region's resource group; such a one is never made.
    """

    name: str
    address_prefixes: tuple[IPv4Network, ...]
    subnet: Subnet
    pod_subnet: Subnet | None = None
    """Where pods have a subnet of their own (`azure-pod-subnet`): theirs."""
    id: str | None = None
    connected: Connection = "peering"
    manage: bool = False
    """Whether ranges that the file has and the network lacks are added to one that exists."""

    @property
    def subnets(self) -> tuple[Subnet, ...]:
        """The declared subnets: the nodes', and the pods' where they have one."""
        return (self.subnet, self.pod_subnet) if self.pod_subnet else (self.subnet,)

    @property
    def cassandra_subnet(self) -> Subnet:
        """The subnet that Cassandra's addresses come from."""
        return self.pod_subnet or self.subnet


@dataclass(frozen=True, slots=True)
class NodePool:
    """An agent pool of the cluster; `max_pods` None means the plugin's own default."""

    name: str
    count: int
    vm_size: str
    mode: Literal["System", "User"]
    max_pods: int | None
    zones: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A region's AKS cluster.

    `context` names a context of the person's kubeconfig, or is None: then the credentials come from Azure
    into a kubeconfig of the run. `network_plugin` None means "as the first region's cluster has it".
    """

    name: str
    context: str | None
    kubernetes_version: str | None
    node_pools: tuple[NodePool, ...]
    service_cidr: IPv4Network
    pod_cidr: IPv4Network | None
    network_plugin: NetworkPlugin | None
    id: str | None = None
    """Declared for a cluster that exists elsewhere than in the region's resource group; such a one is never made."""
    manage: bool = False
    """Whether pools that exist are brought to the file's number of nodes and labels."""


@dataclass(frozen=True, slots=True)
class Region:
    """One region: a network, a cluster and a Cassandra data center."""

    name: RegionName
    role: Literal["active", "passive"]
    datacenter: DatacenterName
    rack: str
    subscription: str
    resource_group: str
    namespace: str
    network: Network
    cluster: Cluster
    overrides: Path
    """Absolute path of the overrides file; a new region's is written there by the run."""
    cassandra_nodes: int
    copy_from: DatacenterName | None
    """The data center whose data it copies; None for the first region, which has the data."""
    line: int = field(default=0, compare=False)
    """Line of the topology file where this region begins, for messages."""

    @property
    def context(self) -> str:
        """The context that `az aks get-credentials` makes, unless the file names another."""
        return self.cluster.context or self.cluster.name

    @property
    def kubectl(self) -> str:
        """What a command about the region's namespace begins with, for messages: it works as it is typed."""
        return shlex.join(("kubectl", "--context", self.context, "-n", self.namespace))


@dataclass(frozen=True, slots=True)
class CassandraSettings:
    """What all data centers of the ring share."""

    cluster_name: str
    replication_factor: int
    tls_port: int
    plain_port: int
    open_plain_port: bool


RepairPolicy = Literal["ask", "require", "run", "waive"]


@dataclass(frozen=True, slots=True)
class Topology:
    """A whole declared installation; the first region is the one that exists."""

    name: str
    organization: str
    mode: Mode
    installer: Installer
    hybrid_version: str
    azure_endpoint: str | None
    """URL of a Resource Manager other than public Azure's, or None."""
    cassandra: CassandraSettings
    regions: tuple[Region, ...]
    source_repair: RepairPolicy
    """What to do about a source data center whose last repair is old or unknown."""
    path: Path
    """The file that it was read from, absolute."""
    charts: str | None = None
    """Where the Helm charts come from: a folder (absolute) or `oci://…`; None for Apigee's own registry."""
    replication: ReplicationWay | None = None
    """Who copies the data, where the file says; see `releases.replication_of`."""

    @property
    def first(self) -> Region:
        """The region that holds the existing installation."""
        return self.regions[0]

    @property
    def new_regions(self) -> tuple[Region, ...]:
        """The regions that the installation is to span besides the first, in the file's order."""
        return self.regions[1:]

    def added_after(self, region: Region) -> frozenset[str]:
        """The data centers that come after a region's: what they hold they were given, it does not come from them."""
        return frozenset(r.datacenter for r in self.regions[self.regions.index(region) + 1 :])

    def region(self, name: str) -> Region:
        """The region of that name; KeyError where there is none."""
        for region in self.regions:
            if region.name == name:
                return region
        raise KeyError(name)

    def region_of(self, datacenter: str) -> Region:
        """The region that a data center belongs to; KeyError where there is none."""
        for region in self.regions:
            if region.datacenter == datacenter:
                return region
        raise KeyError(datacenter)
