"""What AKS fills in, what it refuses, and a cluster's document as its host needs it."""

from __future__ import annotations

import hashlib
import re
import uuid
from copy import deepcopy
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

from hybridspan_lab.arm.context import ArmRequest
from hybridspan_lab.arm.documents import Document, Documents
from hybridspan_lab.arm.errors import ArmError, bad_request
from hybridspan_lab.arm.locations import ZONAL
from hybridspan_lab.arm.ports import ClusterDocument, NodePool
from hybridspan_lab.arm.providers import addresses, machines
from hybridspan_lab.arm.providers.kind import Kind, checked_tags

CLUSTER: Final = "Microsoft.ContainerService/managedClusters"
POOL_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,11}")
CLUSTER_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
DEFAULT_SIZE: Final = "Standard_D8ds_v5"
DEFAULT_MAX_PODS: Final = {"overlay": 250, "azure": 30, "kubenet": 110, "none": 250}
FROZEN_POOL: Final = ("vmSize", "maxPods", "vnetSubnetID", "podSubnetID", "osType", "availabilityZones")


def new_cluster(kind: Kind, request: ArmRequest, group: str) -> tuple[Document, list[Document]]:
    """The documents of a new cluster and its pools, with all that AKS fills in."""
    name, given = request.target.name, deepcopy(request.body.get("properties") or {})
    if not CLUSTER_NAME.fullmatch(name):
        raise bad_request("InvalidResourceName", f"The cluster name '{name}' is not valid.", target="name")
    location = kind.location_of(request, None)
    version = _version(given.get("kubernetesVersion") or "", kind.arm.settings.kubernetes_versions)
    prefix = given.get("dnsPrefix") or given.get("fqdnSubdomain")
    if not prefix:
        raise bad_request(
            "DnsPrefixRequired", "Required parameter dnsPrefix is missing (null).", target="dnsPrefix"
        )
    key = request.target.key
    host = f"{prefix}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    pools = given.pop("agentPoolProfiles", None) or []
    properties: Document = {
        **given,
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "kubernetesVersion": ".".join(version.split(".")[:2])
        if not given.get("kubernetesVersion")
        else given["kubernetesVersion"],
        "currentKubernetesVersion": version,
        "dnsPrefix": prefix,
        "fqdn": f"{host}.hcp.{location}.azmk8s.io",
        "azurePortalFQDN": f"{host}.portal.hcp.{location}.azmk8s.io",
        "nodeResourceGroup": given.get("nodeResourceGroup") or f"MC_{group}_{name}_{location}"[:80],
        "enableRBAC": given.get("enableRBAC", True),
        "supportPlan": "KubernetesOfficial",
        "networkProfile": network_profile(given.get("networkProfile") or {}),
        "maxAgentPools": 100,
        "disableLocalAccounts": bool(given.get("disableLocalAccounts")),
        "oidcIssuerProfile": given.get("oidcIssuerProfile") or {"enabled": False},
        "storageProfile": {
            driver: {"enabled": True} for driver in ("diskCSIDriver", "fileCSIDriver", "snapshotController")
        },
        "resourceUID": uuid.uuid4().hex[:24],
        "servicePrincipalProfile": {"clientId": "msi"},
    }
    document: Document = {
        "id": kind.resource_id(request.target),
        "location": location,
        "name": name,
        "type": CLUSTER,
        "kind": "Base",
        "properties": properties,
        "identity": _identity(request.body.get("identity"), key, kind.arm.credentials.tenant),
        "sku": request.body.get("sku") or {"name": "Base", "tier": "Free"},
        "eTag": str(uuid.uuid4()),
    }
    if request.body.get("tags"):
        document["tags"] = checked_tags(request.body["tags"])
    return document, _first_pools(document, pools)


def _first_pools(cluster: Document, given: list[Document]) -> list[Document]:
    pools = [new_pool(cluster, pool, None) for pool in given]
    if not any(pool["properties"]["mode"] == "System" and pool["properties"]["count"] > 0 for pool in pools):
        message = "Must define at least one system pool."
        raise bad_request("InvalidParameter", message, target="agentPoolProfile.mode")
    if len({pool["name"] for pool in pools}) < len(pools):
        raise bad_request(
            "InvalidParameter", "Agent pool names must be unique.", target="agentPoolProfile.name"
        )
    return pools


def network_profile(given: Document) -> Document:
    """The network profile with AKS's defaults: overlay where nothing was asked for."""
    plugin = given.get("networkPlugin") or "azure"
    mode = given.get("networkPluginMode") or (None if given.get("networkPlugin") else "overlay")
    service = given.get("serviceCidr") or "10.0.0.0/16"
    profile: Document = {
        **given,
        "networkPlugin": plugin,
        "networkPolicy": given.get("networkPolicy") or "none",
        "networkDataplane": given.get("networkDataplane") or "azure",
        "loadBalancerSku": (given.get("loadBalancerSku") or "standard").lower(),
        "serviceCidr": service,
        "serviceCidrs": [service],
        "dnsServiceIP": given.get("dnsServiceIP") or str(_network(service, "serviceCidr")[10]),
        "outboundType": given.get("outboundType") or "loadBalancer",
        "ipFamilies": ["IPv4"],
    }
    profile.pop("networkPluginMode", None)
    if mode is not None:
        profile["networkPluginMode"] = mode
    routed = plugin == "azure" and mode != "overlay"
    profile.pop("podCidr", None)
    profile.pop("podCidrs", None)
    if not routed:
        profile["podCidr"] = given.get("podCidr") or "10.244.0.0/16"
        profile["podCidrs"] = [profile["podCidr"]]
    _check_service_range(profile)
    return profile


def _network(prefix: str, name: str) -> IPv4Network:
    try:
        return IPv4Network(prefix)
    except ValueError as wrong:
        message = f"The value of parameter networkProfile.{name} is invalid: {prefix}."
        raise bad_request("InvalidParameter", message, target=f"networkProfile.{name}") from wrong


def _check_service_range(profile: Document) -> None:
    service = _network(profile["serviceCidr"], "serviceCidr")
    dns = IPv4Address(profile["dnsServiceIP"])
    if dns not in service or dns == service[1]:
        message = (
            f"The DNS service IP {dns} must be inside the service CIDR {service} and not its first address."
        )
        raise bad_request("InvalidParameter", message, target="networkProfile.dnsServiceIP")
    if service.prefixlen < 12:
        message = f"The service CIDR {service} must be smaller than /12."
        raise bad_request("ServiceCidrTooLarge", message, target="networkProfile.serviceCidr")
    if profile.get("podCidr") and _network(profile["podCidr"], "podCidr").overlaps(service):
        message = f"Pod CIDR {profile['podCidr']} and service CIDR {service} overlap."
        raise bad_request("PodCidrOverlapsWithServiceCidr", message, target="networkProfile.podCidr")


def new_pool(cluster: Document, given: Document, existing: Document | None) -> Document:
    """An agent pool's document; ArmError for what may not be or may not change."""
    name = str(given.get("name") or "")
    if not POOL_NAME.fullmatch(name):
        message = (
            f"The value of parameter agentPoolProfile.name is invalid: '{name}'. It must begin with a lower case "
            "letter, have only lower case letters and digits, and be at most 12 characters long."
        )
        raise bad_request("InvalidParameter", message, target="agentPoolProfile.name")
    given = {field: value for field, value in given.items() if field != "name" and value not in (None, "")}
    if existing is not None:
        return _changed_pool(cluster, existing, given)
    profile = cluster["properties"]["networkProfile"]
    version = cluster["properties"]["currentKubernetesVersion"]
    properties: Document = {
        "count": 1,
        "vmSize": DEFAULT_SIZE,
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "kubeletDiskType": "OS",
        "maxPods": default_max_pods(profile),
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": False,
        "scaleDownMode": "Delete",
        "enableNodePublicIP": False,
        "mode": "User",
        "osType": "Linux",
        "osSKU": "Ubuntu",
        "upgradeSettings": {"maxSurge": "10%", "maxUnavailable": "0"},
        "enableFIPS": False,
        **given,
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "orchestratorVersion": given.get("orchestratorVersion") or cluster["properties"]["kubernetesVersion"],
        "currentOrchestratorVersion": version,
        "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202509.18.0",
        "eTag": str(uuid.uuid4()),
    }
    _check_pool(cluster, name, properties)
    return _pool_document(cluster, name, properties)


def _pool_document(cluster: Document, name: str, properties: Document) -> Document:
    return {
        "id": f"{cluster['id']}/agentPools/{name}",
        "name": name,
        "type": f"{CLUSTER}/agentPools",
        "properties": properties,
    }


def _changed_pool(cluster: Document, existing: Document, given: Document) -> Document:
    old = existing["properties"]
    for field in FROZEN_POOL:
        if field in given and field in old and str(given[field]).lower() != str(old[field]).lower():
            message = f"Changing property 'properties.{field}' is not allowed."
            raise ArmError(400, "PropertyChangeNotAllowed", message, target=f"properties.{field}")
    changed = (
        "count",
        "minCount",
        "maxCount",
        "enableAutoScaling",
        "nodeLabels",
        "nodeTaints",
        "tags",
        "mode",
    )
    properties = {**old, **{field: given[field] for field in changed if field in given}}
    properties.update(provisioningState="Updating", eTag=str(uuid.uuid4()))
    _check_pool(cluster, existing["name"], properties)
    return _pool_document(cluster, existing["name"], properties)


def _check_pool(cluster: Document, name: str, properties: Document) -> None:
    machines.check_size(properties["vmSize"], cluster["location"])
    count, pods = properties["count"], properties["maxPods"]
    if not isinstance(count, int) or not 0 <= count <= 1000:
        message = f"The value of parameter agentPoolProfile.count is invalid: {count}."
        raise bad_request("InvalidParameter", message, target="agentPoolProfile.count")
    if not isinstance(pods, int) or not 10 <= pods <= 250:
        message = (
            f"The value of parameter agentPoolProfile.maxPods is invalid: {pods}. It must be from 10 to 250."
        )
        raise bad_request("InvalidParameter", message, target="agentPoolProfile.maxPods")
    zones = [str(zone) for zone in properties.get("availabilityZones") or []]
    if zones and (cluster["location"] not in ZONAL or any(zone not in ("1", "2", "3") for zone in zones)):
        message = (
            f"Preflight validation check for resource(s) of pool {name} failed: availability zones {zones} are not "
            f"supported in {cluster['location']}."
        )
        raise bad_request(
            "AvailabilityZoneNotSupported", message, target="agentPoolProfile.availabilityZones"
        )


def default_max_pods(profile: Document) -> int:
    """Pods a node when nobody says: 30 where each takes an address of the network."""
    overlay = profile.get("networkPluginMode") == "overlay"
    return DEFAULT_MAX_PODS["overlay" if overlay else str(profile["networkPlugin"])]


def profile(pool: Document) -> Document:
    """A pool as it stands in its cluster's `agentPoolProfiles`."""
    return {"name": pool["name"], **deepcopy(pool["properties"])}


def refuse_pool_changes(existing: list[Document], wanted: list[Document]) -> None:
    """ArmError 400 when a cluster's PUT adds or drops pools, or changes what cannot be changed."""
    have = {pool["name"].lower(): pool["properties"] for pool in existing}
    for pool in wanted:
        old = have.get(str(pool.get("name", "")).lower())
        if old is None:
            message = (
                "A new agent pool was introduced. Adding agent pools to an existing cluster is not allowed through "
                "managed cluster operations. For agent pool specific change, please use per agent pool operations: "
                "https://aka.ms/agent-pool-rest-api"
            )
            raise bad_request("BadRequest", message)
        for field in (*FROZEN_POOL, "count"):
            if pool.get(field) not in (None, "") and str(pool[field]).lower() != str(old.get(field)).lower():
                message = f"Changing property 'properties.agentPoolProfiles.{field}' is not allowed."
                raise ArmError(400, "PropertyChangeNotAllowed", message, target=f"agentPoolProfiles.{field}")
    missing = set(have) - {str(pool.get("name", "")).lower() for pool in wanted}
    if missing:
        message = f"Agent pool(s) {', '.join(sorted(missing))} missing: pools cannot be removed through managed cluster operations."
        raise bad_request("BadRequest", message)


# ---- the network below


def check_network(documents: Documents, cluster: Document, pools: list[Document]) -> None:
    """ArmError 400 when a pool's subnet is missing, too small, or meets the cluster's own ranges."""
    profile = cluster["properties"]["networkProfile"]
    wanted: dict[str, int] = {}
    for pool in pools:
        subnet_id = pool["properties"].get("vnetSubnetID")
        if subnet_id is None:
            continue
        subnet = documents.get(str(subnet_id).lower())
        if subnet is None:
            message = f"The VNet subnet {subnet_id} of agent pool {pool['name']} cannot be found."
            raise bad_request("InvalidParameter", message, target="agentPoolProfile.vnetSubnetID")
        _check_location(documents, cluster, str(subnet_id))
        _check_ranges(profile, subnet)
        wanted[subnet_id.lower()] = wanted.get(subnet_id.lower(), 0) + addresses.demand(
            profile, pool["properties"]
        )
    for subnet_key, number in wanted.items():
        _check_size(documents[subnet_key], number)


def _check_location(documents: Documents, cluster: Document, subnet_id: str) -> None:
    network = documents.get(subnet_id.lower().rsplit("/", 2)[0])
    if network is not None and network["location"] != cluster["location"]:
        message = (
            f"The VNet {network['id']} is in location {network['location']}, the cluster in {cluster['location']}. "
            "Both must be in the same location."
        )
        raise bad_request("VNetLocationMismatch", message, target="agentPoolProfile.vnetSubnetID")


def _check_ranges(profile: Document, subnet: Document) -> None:
    own = IPv4Network(addresses.subnet_prefix(subnet))
    for field, code in (
        ("serviceCidr", "ServiceCidrOverlapExistingSubnetsCidr"),
        ("podCidr", "PodCidrOverlapExistingSubnetsCidr"),
    ):
        if profile.get(field) and IPv4Network(profile[field]).overlaps(own):
            message = (
                f"The specified {field} {profile[field]} is conflicted with an existing subnet CIDR {own}."
            )
            raise bad_request(code, message, target=f"networkProfile.{field}")


def _check_size(subnet: Document, number: int) -> None:
    prefix = addresses.subnet_prefix(subnet)
    usable = IPv4Network(prefix).num_addresses - addresses.KEPT_BY_AZURE
    if number > usable:
        message = (
            f"Pre-allocated IPs {number} exceeds IPs available {usable} in Subnet Cidr {prefix}, Subnet Name "
            f"{subnet['name']}. If Autoscaler is enabled, the max-count from each nodepool is counted towards this "
            "total (which means that pre-allocated IPs count represents a theoretical max value, not the actual "
            "number of IPs requested). http://aka.ms/aks/insufficientsubnetsize"
        )
        raise bad_request("InsufficientSubnetSize", message, target="agentPoolProfile.vnetSubnetID")


def check_room(documents: Documents, cluster_key: str) -> None:
    """ArmError SubnetIsFull when the subnet's other users leave too little: seen only when the nodes come up."""
    for key, pool in documents.items():
        subnet_id = (
            pool["properties"].get("vnetSubnetID") if key.startswith(f"{cluster_key}/agentpools/") else None
        )
        if subnet_id and str(subnet_id).lower() in documents:
            free = addresses.free_addresses(documents, str(subnet_id).lower())
            if free < 0:
                profile = documents[cluster_key]["properties"]["networkProfile"]
                number = addresses.demand(profile, pool["properties"])
                raise addresses.subnet_full(documents[str(subnet_id).lower()], number)


# ---- for the host


def for_host(documents: Documents, key: str) -> ClusterDocument:
    """A cluster as its host must start it."""
    key = key.lower()
    cluster = documents[key]
    properties, network = cluster["properties"], cluster["properties"]["networkProfile"]
    pools = tuple(
        _node_pool(pool) for name, pool in documents.items() if name.startswith(f"{key}/agentpools/")
    )
    subnet_id = next((pool.subnet_id for pool in pools if pool.subnet_id), None)
    subnet = documents.get(subnet_id.lower()) if subnet_id else None
    vnet = documents.get(subnet_id.lower().rsplit("/", 2)[0]) if subnet_id else None
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


def _node_pool(pool: Document) -> NodePool:
    given = pool["properties"]
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
    )


def clusters(documents: Documents) -> tuple[ClusterDocument, ...]:
    """Every cluster that is or should be running, for a host that starts again after a restart."""
    return tuple(
        for_host(documents, key)
        for key, document in documents.items()
        if document.get("type") == CLUSTER
        and document["properties"]["provisioningState"] in ("Succeeded", "Updating")
    )


def _version(wanted: str, offered: tuple[str, ...]) -> str:
    """The full version: the newest patch of what was asked for, or the default."""
    if not wanted:
        return offered[-1]
    found = [version for version in offered if version == wanted or version.startswith(wanted + ".")]
    if not found:
        message = (
            f"Managed cluster is on version {wanted}, which is not supported in this region. Please use "
            "[az aks get-versions] command to get the supported version list in this region."
        )
        raise bad_request("K8sVersionNotSupported", message, target="kubernetesVersion")
    return found[-1]


def _identity(given: Any, key: str, tenant: str) -> Document:
    wanted = given or {"type": "SystemAssigned"}
    identity: Document = {"type": wanted.get("type", "SystemAssigned")}
    if identity["type"] == "SystemAssigned":
        identity.update(principalId=str(uuid.uuid5(uuid.NAMESPACE_URL, key)), tenantId=tenant)
    elif wanted.get("userAssignedIdentities"):
        identity["userAssignedIdentities"] = wanted["userAssignedIdentities"]
    return identity
