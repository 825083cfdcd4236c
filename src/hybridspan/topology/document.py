"""The topology file's shape, as a person writes it; its JSON Schema is made from these classes.

Only the shape is judged here (types, allowed words, unknown keys); what the values mean together is judged by `validation`.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel


class Shape(BaseModel):
    """Camel case in the file, no unknown keys, no silent conversions."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=False, validate_by_alias=True, extra="forbid", strict=True
    )


def _prefix(value: Any) -> IPv4Network:
    if isinstance(value, IPv4Network):
        return value
    if not isinstance(value, str) or "/" not in value:
        raise ValueError("is not an IPv4 range such as 10.10.0.0/16")
    if ":" in value:
        raise ValueError("is an IPv6 range; AKS with Apigee hybrid needs IPv4")
    try:
        return IPv4Network(value)
    except (AddressValueError, NetmaskValueError) as wrong:
        raise ValueError(f"is not an IPv4 range: {wrong}") from wrong
    except ValueError as wrong:
        meant = IPv4Network(value, strict=False)
        raise ValueError(f"has bits set beyond its prefix length; the range is {meant}") from wrong


def _version(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError("must be in quotes, or YAML reads it as a number")  # noqa: TRY004 - pydantic takes ValueError only
    return value


Prefix = Annotated[
    IPv4Network,
    BeforeValidator(_prefix),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$", "examples": ["10.10.0.0/16"]}
    ),
]
Version = Annotated[str, BeforeValidator(_version), Field(pattern=r"^\d+\.\d+(\.\d+)?(-[0-9A-Za-z.-]+)?$")]
KubernetesVersion = Annotated[str, BeforeValidator(_version), Field(pattern=r"^\d+\.\d+(\.\d+)?$")]
Name = Annotated[str, Field(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
ResourceIdText = Annotated[
    str,
    Field(
        pattern=r"(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/[^/]+/[^/]+/[^/]+$",
        examples=[
            "/subscriptions/…/resourceGroups/hub-rg/providers/Microsoft.Network/virtualNetworks/spoke-1"
        ],
    ),
]


class SubnetShape(Shape):
    """The subnet of the cluster's nodes; with Azure CNI the pods' addresses come from it too."""

    name: Name | None = Field(
        None, description="Name of the subnet. Default: the network's name and `-subnet`."
    )
    prefix: Prefix | None = Field(
        None, description="Its range. Default: the network's first address prefix, whole."
    )


class PodSubnetShape(Shape):
    """The subnet that pods take their addresses from."""

    name: Name | None = Field(None, description="Default: the network's name and `-pods`.")
    prefix: Prefix = Field(description="Its range.")


class NetworkShape(Shape):
    """A virtual network."""

    name: Name | None = Field(
        None, description="Name of the virtual network. Default: resource group, `-vnet-`, region."
    )
    address_prefixes: Annotated[list[Prefix], Field(min_length=1)] = Field(
        description="The network's ranges; they must not overlap with any other region's."
    )
    subnet: SubnetShape = Field(
        default_factory=lambda: SubnetShape.model_validate({}), description="The cluster's subnet."
    )
    pod_subnet: PodSubnetShape | None = Field(
        None, description="The pods' subnet, with azure-pod-subnet only."
    )
    id: ResourceIdText | None = Field(
        None,
        description="Resource id of a network that exists, of whatever name and resource group; it is never made.",
    )
    connected: Literal["peering", "otherwise"] = Field(
        "peering",
        description="`otherwise` where a hub or a VPN connects it: nothing is peered, reachability alone is verified.",
    )
    manage: bool = Field(
        False,
        description="Whether ranges that an existing network lacks are added; nothing is ever taken away.",
    )


class NodePoolShape(Shape):
    """An agent pool."""

    name: Name = Field(description="1 to 12 lower-case letters and digits, beginning with a letter.")
    count: Annotated[int, Field(ge=1, le=1000)] = Field(3, description="Number of nodes.")
    vm_size: Name = Field("Standard_D8s_v5", description="Size of its virtual machines.")
    mode: Literal["System", "User"] | None = Field(
        None, description="Default: System for the first pool, User for the others."
    )
    max_pods: int | None = Field(
        None, description="Pods a node can hold, 10 to 250. Default: the network plugin's own (30 for azure)."
    )
    zones: list[Literal["1", "2", "3"]] = Field(default_factory=list, description="Availability zones.")
    labels: dict[str, str] = Field(default_factory=dict, description="Kubernetes labels of its nodes.")


class ClusterShape(Shape):
    """An AKS cluster."""

    name: Name | None = Field(None, description="Name of the cluster. Default: `apigee-` and the region.")
    context: Name | None = Field(
        None, description="Context of your kubeconfig. Default: none; Azure is asked for credentials."
    )
    kubernetes_version: KubernetesVersion | None = Field(
        None, description="Default: that of the first region's cluster."
    )
    node_pools: Annotated[list[NodePoolShape], Field(min_length=1)] | None = Field(
        None,
        description="Default: `apigeerun` (System, 3 nodes) and `apigeedata` (a node for each Cassandra node).",
    )
    service_cidr: Prefix = Field(
        IPv4Network("10.0.0.0/16"),
        description="Range of Kubernetes services, seen inside this cluster only; /12 or smaller.",
    )
    pod_cidr: Prefix | None = Field(
        None, description="Range of pods, with azure-overlay and kubenet only. Default: 10.244.0.0/16 there."
    )
    network_plugin: Literal["azure", "azure-overlay", "azure-pod-subnet", "kubenet"] | None = Field(
        None, description="Default: what the first region's cluster has."
    )
    id: ResourceIdText | None = Field(
        None,
        description="Resource id of a cluster that exists, of whatever name and resource group; it is never made.",
    )
    manage: bool = Field(
        False, description="Whether existing pools are brought to the file's number of nodes and labels."
    )


class RegionShape(Shape):
    """One region: a network, a cluster and a Cassandra data center. The first one is the installation that exists."""

    name: Name = Field(description="Azure location, such as eastus.")
    role: Literal["active", "passive"] | None = Field(
        None, description="Default: active; in active-passive mode passive for all regions but the first."
    )
    datacenter: Name | None = Field(
        None,
        description="Cassandra data center; never changed once a node has started. Default: dc-1, dc-2, ...",
    )
    rack: Name = Field("ra-1", description="Cassandra rack.")
    subscription: Name | None = Field(None, description="Default: spec.azure.subscription.")
    resource_group: Name | None = Field(None, description="Default: spec.azure.resourceGroup.")
    namespace: Name | None = Field(None, description="Kubernetes namespace. Default: spec.namespace.")
    network: NetworkShape
    cluster: ClusterShape = Field(default_factory=lambda: ClusterShape.model_validate({}))
    overrides: Name | None = Field(
        None,
        description="Overrides file, relative to this file; a new region's is written there. "
        "Default: overrides_<cluster name>.yaml.",
    )
    cassandra_nodes: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Cassandra nodes in this region. Default: the replication factor."
    )
    copy_from: Name | None = Field(
        None, description="Data center that this region copies its data from. Default: the first region's."
    )


class AzureShape(Shape):
    """Where the resources live, unless a region says otherwise."""

    subscription: Name | None = Field(None, description="Subscription id.")
    resource_group: Name | None = Field(None, description="Resource group.")
    endpoint: Annotated[str, Field(pattern=r"^https://")] | None = Field(
        None, description="URL of a Resource Manager other than public Azure's."
    )


class CassandraShape(Shape):
    """What all data centers of the ring share."""

    cluster_name: Name = Field("apigeecluster", description="Equal in every region.")
    replication_factor: Annotated[int, Field(ge=1)] = Field(3, description="Replicas in each data center.")
    tls_port: Port = Field(7001, description="Internode TLS.")
    plain_port: Port = Field(7000, description="Internode plain text, a way back while troubleshooting.")
    open_plain_port: bool = Field(False, description="Whether to open the plain port too.")
    source_repair: Literal["ask", "require", "run", "waive"] = Field(
        "ask", description="What to do where the source data center's last repair is old or unknown."
    )


class SpecShape(Shape):
    """The installation."""

    organization: Name = Field(description="Apigee organization.")
    mode: Literal["active-active", "active-passive"] = Field("active-active")
    installer: Literal["apigeectl", "helm"] | None = Field(
        None, description="Default: what the release is installed with (apigeectl before 1.12)."
    )
    hybrid_version: Version = Field(
        description="Apigee hybrid release of the existing installation, such as 1.11.2."
    )
    charts: Name | None = Field(
        None,
        description="With installer helm: a folder (relative to this file) or oci:// address of the charts. "
        "Default: Apigee's own registry.",
    )
    replication: Literal["resource", "direct"] | None = Field(
        None,
        description="Who copies the data: `resource`, the operator, by a CassandraDataReplication (with installer helm only); "
        "`direct`, hybridspan itself. Default: resource with helm, direct with apigeectl.",
    )
    azure: AzureShape = Field(default_factory=lambda: AzureShape.model_validate({}))
    namespace: Name = Field("apigee", description="Kubernetes namespace of the runtime.")
    cassandra: CassandraShape = Field(default_factory=lambda: CassandraShape.model_validate({}))
    regions: Annotated[list[RegionShape], Field(min_length=1)] = Field(
        description="The first is the one that exists; the others are added in this order."
    )


class MetadataShape(Shape):
    """What the topology is called."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] = Field(
        description="Lower-case letters, digits and hyphens."
    )


class TopologyShape(Shape):
    """A whole topology file."""

    api_version: Literal["hybridspan/v1"]
    kind: Literal["HybridTopology"]
    metadata: MetadataShape
    spec: SpecShape
