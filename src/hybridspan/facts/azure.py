"""Azure as last seen. Names keep the casing that Azure gave; compare ids with `same_id`."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network


def same_id(first: str, second: str) -> bool:
    """Azure's ids are equal whatever their case."""
    return first.rstrip("/").lower() == second.rstrip("/").lower()


def has_failed(state: str) -> bool:
    """Whether Azure could not finish what has this provisioning state."""
    return state.lower() in ("failed", "canceled")


@dataclass(frozen=True, slots=True)
class SubnetFacts:
    """A subnet of a virtual network."""

    id: str
    name: str
    prefixes: tuple[IPv4Network, ...]
    security_group_id: str | None
    provisioning_state: str


@dataclass(frozen=True, slots=True)
class PeeringFacts:
    """One direction of a peering."""

    id: str
    name: str
    remote_network_id: str
    state: str
    """Initiated, Connected or Disconnected."""
    sync_level: str
    """FullyInSync, LocalNotInSync, RemoteNotInSync or LocalAndRemoteNotInSync."""
    allow_access: bool
    provisioning_state: str
    remote_prefixes: tuple[IPv4Network, ...] = ()
    """The remote network's ranges as this side knows them."""

    @property
    def carries_traffic(self) -> bool:
        """Whether packets pass: connected, allowed and in step with both address spaces."""
        return self.state == "Connected" and self.allow_access and self.sync_level == "FullyInSync"


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """A virtual network with its subnets and the peerings on its side."""

    id: str
    name: str
    location: str
    address_prefixes: tuple[IPv4Network, ...]
    subnets: tuple[SubnetFacts, ...]
    peerings: tuple[PeeringFacts, ...]
    etag: str
    provisioning_state: str
    tags: tuple[tuple[str, str], ...] = ()
    references: tuple[str, ...] = ()
    """Ids of what its subnets use (security groups, route tables, NAT gateways): a write of the whole joins them anew."""

    def subnet(self, name: str) -> SubnetFacts | None:
        """The subnet of that name, whatever its case."""
        return next((s for s in self.subnets if s.name.lower() == name.lower()), None)

    def peering_to(self, network_id: str) -> PeeringFacts | None:
        """The peering towards that network, by whatever name."""
        return next((p for p in self.peerings if same_id(p.remote_network_id, network_id)), None)


@dataclass(frozen=True, slots=True)
class SecurityRuleFacts:
    """A rule of a network security group, in Azure's own words."""

    name: str
    priority: int
    direction: str
    access: str
    protocol: str
    sources: tuple[str, ...]
    source_ports: tuple[str, ...]
    destinations: tuple[str, ...]
    destination_ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SecurityGroupFacts:
    """A network security group; `rules` are the custom ones, Azure's defaults are implied."""

    id: str
    name: str
    rules: tuple[SecurityRuleFacts, ...]
    etag: str


@dataclass(frozen=True, slots=True)
class NodePoolFacts:
    """An agent pool of a managed cluster."""

    name: str
    count: int
    vm_size: str
    mode: str
    max_pods: int | None
    zones: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    subnet_id: str | None
    provisioning_state: str
    pod_subnet_id: str | None = None
    etag: str = ""
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """An AKS managed cluster."""

    id: str
    name: str
    location: str
    kubernetes_version: str
    network_plugin: str
    network_plugin_mode: str | None
    service_cidr: IPv4Network | None
    pod_cidr: IPv4Network | None
    node_pools: tuple[NodePoolFacts, ...]
    provisioning_state: str
    power_state: str
    node_resource_group: str
    tags: tuple[tuple[str, str], ...] = ()
    is_private: bool = False
    """Its API server has no public address."""
    etag: str = ""
    needs_entra_login: bool = False
    """Local accounts are off: only kubelogin's tokens are accepted."""
    is_long_term: bool = False
    """It has AKS's plan of long-term support, with which alone older versions are to be had."""
    oidc_issuer: str = ""
    """The issuer of its pods' tokens; empty where it is switched off."""
    principal_id: str = ""
    """Its system-assigned identity, or empty."""

    @property
    def subnet_ids(self) -> tuple[str, ...]:
        """The subnets of its nodes and pods, each once."""
        named = [i for p in self.node_pools for i in (p.subnet_id, p.pod_subnet_id) if i]
        return tuple({i.lower(): i for i in named}.values())

    @property
    def pods_are_routable(self) -> bool:
        """Whether a pod's address is reachable through a peering."""
        return self.network_plugin == "azure" and self.network_plugin_mode != "overlay"


@dataclass(frozen=True, slots=True)
class PermissionFacts:
    """What one role allows the caller at a scope; patterns with `*`."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SizeFacts:
    """A size of virtual machines as a location has it."""

    name: str
    cores: int
    family: str
    zones: tuple[str, ...]
    restriction: str
    """Why this subscription does not get it there, in Azure's word, or empty."""


@dataclass(frozen=True, slots=True)
class QuotaFacts:
    """A limit of a location: `cores` for all sizes together, or a family's name."""

    name: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class OfferFacts:
    """What a location has for a cluster that is to be made there."""

    kubernetes_versions: tuple[str, ...]
    """Full versions, oldest first."""
    sizes: tuple[SizeFacts, ...]
    """Those that the declared pools name."""
    quotas: tuple[QuotaFacts, ...]
    problem: str = ""
    """Why the location could not be asked, or empty."""
    long_term_versions: tuple[str, ...] = ()
    """Those that only clusters with long-term support get."""
    unregistered: tuple[str, ...] = ()
    """Resource providers that the run needs and the subscription has not registered."""

    def size(self, name: str) -> SizeFacts | None:
        """The size of that name, whatever its case."""
        return next((s for s in self.sizes if s.name.lower() == name.lower()), None)

    def quota(self, name: str) -> QuotaFacts | None:
        """The limit of that name, whatever its case."""
        return next((q for q in self.quotas if q.name.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class RegionAzureFacts:
    """What Azure has of one region; None where a resource does not exist."""

    resource_group_exists: bool
    network: NetworkFacts | None
    security_groups: tuple[SecurityGroupFacts, ...]
    cluster: ClusterFacts | None
    offer: OfferFacts | None = None
    """Asked for where machines are to come: the cluster does not exist, lacks a pool, or has one that is to grow."""
    unassigned: tuple[str, ...] = ()
    """Subnets on which the identity of a cluster that we made has no role; none where that may not be asked."""
