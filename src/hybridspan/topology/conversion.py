"""From the file's shape to the model's values: defaults filled in, inherited things inherited, names derived."""

from __future__ import annotations

import os
from pathlib import Path

from hybridspan.topology.document import (
    ClusterShape,
    NetworkShape,
    NodePoolShape,
    RegionShape,
    SpecShape,
    TopologyShape,
)
from hybridspan.topology.model import (
    CassandraSettings,
    Cluster,
    DatacenterName,
    Mode,
    Network,
    NodePool,
    Region,
    RegionName,
    Subnet,
    Topology,
)
from hybridspan.topology.releases import usual_installer
from hybridspan.topology.source import SourceMap


def to_topology(shape: TopologyShape, where: SourceMap) -> Topology:
    """The declared topology; shapes that lack what cannot be derived must have been refused before."""
    spec = shape.spec
    return Topology(
        name=shape.metadata.name,
        organization=spec.organization,
        mode=spec.mode,
        installer=spec.installer or usual_installer(spec.hybrid_version),
        hybrid_version=spec.hybrid_version,
        azure_endpoint=spec.azure.endpoint,
        cassandra=CassandraSettings(
            cluster_name=spec.cassandra.cluster_name,
            replication_factor=spec.cassandra.replication_factor,
            tls_port=spec.cassandra.tls_port,
            plain_port=spec.cassandra.plain_port,
            open_plain_port=spec.cassandra.open_plain_port,
        ),
        regions=tuple(_region(spec, index, where) for index in range(len(spec.regions))),
        source_repair=spec.cassandra.source_repair,
        path=where.file,
        charts=_charts(spec.charts, where.file),
        replication=spec.replication,
    )


def _charts(declared: str | None, file: Path) -> str | None:
    if declared is None or declared.startswith("oci://"):
        return declared
    return os.path.abspath(file.parent / declared)


def _region(spec: SpecShape, index: int, where: SourceMap) -> Region:
    shape = spec.regions[index]
    group = shape.resource_group or spec.azure.resource_group or ""
    nodes = shape.cassandra_nodes or spec.cassandra.replication_factor
    cluster = _cluster(shape.cluster, shape.name, nodes)
    return Region(
        name=RegionName(shape.name),
        role=shape.role or ("active" if index == 0 or _all_active(spec.mode) else "passive"),
        datacenter=_datacenter(shape, index),
        rack=shape.rack,
        subscription=shape.subscription or spec.azure.subscription or "",
        resource_group=group,
        namespace=shape.namespace or spec.namespace,
        network=_network(shape.network, group, shape.name),
        cluster=cluster,
        overrides=_overrides(shape, cluster.name, where.file),
        cassandra_nodes=nodes,
        copy_from=_copy_from(spec, index),
        line=where.line(("spec", "regions", index)),
    )


def _all_active(mode: Mode) -> bool:
    return mode == "active-active"


def _datacenter(shape: RegionShape, index: int) -> DatacenterName:
    return DatacenterName(shape.datacenter or f"dc-{index + 1}")


def _copy_from(spec: SpecShape, index: int) -> DatacenterName | None:
    if index == 0:
        return None
    named = spec.regions[index].copy_from
    return DatacenterName(named) if named else _datacenter(spec.regions[0], 0)


def _overrides(shape: RegionShape, cluster: str, file: Path) -> Path:
    return Path(os.path.abspath(file.parent / (shape.overrides or f"overrides_{cluster}.yaml")))


def _network(shape: NetworkShape, group: str, region: str) -> Network:
    name = shape.name or _last_part(shape.id) or f"{group}-vnet-{region}"
    pods = shape.pod_subnet
    return Network(
        name=name,
        address_prefixes=tuple(shape.address_prefixes),
        subnet=Subnet(
            shape.subnet.name or f"{name}-subnet", shape.subnet.prefix or shape.address_prefixes[0]
        ),
        pod_subnet=Subnet(pods.name or f"{name}-pods", pods.prefix) if pods else None,
        id=shape.id,
        connected=shape.connected,
        manage=shape.manage,
    )


def _last_part(resource_id: str | None) -> str | None:
    return resource_id.rsplit("/", 1)[1] if resource_id else None


def _cluster(shape: ClusterShape, region: str, cassandra_nodes: int) -> Cluster:
    pools = shape.node_pools or _usual_pools(cassandra_nodes)
    return Cluster(
        name=shape.name or _last_part(shape.id) or f"apigee-{region}",
        context=shape.context,
        kubernetes_version=shape.kubernetes_version,
        node_pools=tuple(_pool(pool, index) for index, pool in enumerate(pools)),
        service_cidr=shape.service_cidr,
        pod_cidr=shape.pod_cidr,
        network_plugin=shape.network_plugin,
        id=shape.id,
        manage=shape.manage,
    )


def _usual_pools(cassandra_nodes: int) -> list[NodePoolShape]:
    """The two pools that Apigee's documentation asks for: stateless runtime, and one node for each Cassandra node."""
    return [
        NodePoolShape.model_validate({"name": "apigeerun", "mode": "System"}),
        NodePoolShape.model_validate({"name": "apigeedata", "mode": "User", "count": cassandra_nodes}),
    ]


def _pool(shape: NodePoolShape, index: int) -> NodePool:
    return NodePool(
        name=shape.name,
        count=shape.count,
        vm_size=shape.vm_size,
        mode=shape.mode or ("System" if index == 0 else "User"),
        max_pods=shape.max_pods,
        zones=tuple(shape.zones),
        labels=tuple(sorted(shape.labels.items())),
    )
