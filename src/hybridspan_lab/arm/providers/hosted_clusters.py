"""A managed cluster's documents as its host needs them."""

from __future__ import annotations

from hybridspan_lab.arm.documents import Document, Documents
from hybridspan_lab.arm.ports import ClusterDocument, NodePool
from hybridspan_lab.arm.providers import addresses, node_groups


def for_host(documents: Documents, key: str) -> ClusterDocument:
    """A cluster as its host must start it."""
    key = key.lower()
    cluster = documents[key]
    properties, network = cluster["properties"], cluster["properties"]["networkProfile"]
    pools = tuple(
        _node_pool(documents, pool)
        for name, pool in documents.items()
        if name.startswith(f"{key}/agentpools/")
    )
    subnet_id = next((pool.subnet_id for pool in pools if pool.subnet_id), None)
    subnet = documents.get(subnet_id.lower()) if subnet_id else node_groups.managed_subnet(documents, cluster)
    vnet = documents.get(subnet["id"].lower().rsplit("/", 2)[0]) if subnet else None
    return ClusterDocument(
        id=cluster["id"],
        name=cluster["name"],
        location=cluster["location"],
        subscription=cluster["id"].split("/")[2],
        resource_group=cluster["id"].split("/")[4],
        kubernetes_version=properties["currentKubernetesVersion"],
        network_plugin=network["networkPlugin"],
        network_plugin_mode=network.get("networkPluginMode"),
        service_cidr=network["serviceCidr"],
        dns_service_ip=network["dnsServiceIP"],
        pod_cidr=network.get("podCidr"),
        vnet_id=vnet["id"] if vnet else None,
        subnet_id=subnet["id"] if subnet else None,
        subnet_prefix=addresses.subnet_prefix(subnet) if subnet else None,
        pools=pools,
    )


def _node_pool(documents: Documents, pool: Document) -> NodePool:
    given = pool["properties"]
    pod_subnet = documents.get(str(given.get("podSubnetID") or "").lower())
    return NodePool(
        name=pool["name"],
        count=int(given["count"]),
        mode=given["mode"],
        vm_size=given["vmSize"],
        max_pods=int(given["maxPods"]),
        labels=tuple(sorted((str(n), str(v)) for n, v in (given.get("nodeLabels") or {}).items())),
        taints=tuple(str(taint) for taint in given.get("nodeTaints") or ()),
        zones=tuple(str(zone) for zone in given.get("availabilityZones") or ()),
        subnet_id=given.get("vnetSubnetID"),
        pod_subnet_prefix=addresses.subnet_prefix(pod_subnet) if pod_subnet else None,
    )
