"""Managed clusters' documents: what AKS fills in, and the ranges that it refuses."""

from __future__ import annotations

import hashlib
import re
import uuid
from copy import deepcopy
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

from hybridspan_lab.arm.context import ArmRequest, Settings
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import bad_request
from hybridspan_lab.arm.providers.agent_pool_documents import first_pools
from hybridspan_lab.arm.providers.kind import Kind
from hybridspan_lab.arm.providers.lists import checked_tags

CLUSTER: Final = "Microsoft.ContainerService/managedClusters"
CLUSTER_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
LONG_TERM: Final = "AKSLongTermSupport"
RESERVED: Final = tuple(
    IPv4Network(prefix) for prefix in ("169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24")
)
"""Ranges that AKS takes for neither services nor pods."""


def new_cluster(kind: Kind, request: ArmRequest, group: str) -> tuple[Document, list[Document]]:
    """The documents of a new cluster and its pools, with all that AKS fills in."""
    name, given = request.target.name, deepcopy(request.body.get("properties") or {})
    if not CLUSTER_NAME.fullmatch(name):
        raise bad_request("InvalidResourceName", f"The cluster name '{name}' is not valid.", target="name")
    location = kind.location_of(request, None)
    tier = (request.body.get("sku") or {}).get("tier", "Free")
    plan = _support_plan(given.get("supportPlan"), tier)
    version = _version(given.get("kubernetesVersion") or "", kind.arm.settings, plan)
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
        "azurePortalFQDN": f"{host}.portal.hcp.{location}.azmk8s.io",
        "nodeResourceGroup": given.get("nodeResourceGroup") or f"MC_{group}_{name}_{location}"[:80],
        "enableRBAC": given.get("enableRBAC", True),
        "supportPlan": plan,
        "networkProfile": network_profile(given.get("networkProfile") or {}),
        "maxAgentPools": 100,
        "disableLocalAccounts": bool(given.get("disableLocalAccounts")),
        "oidcIssuerProfile": issuer(
            given.get("oidcIssuerProfile"), key, location, kind.arm.credentials.tenant
        ),
        **_api_server(given, prefix, host, location),
        "identityProfile": _kubelet_identity(request, given, name, group, location),
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
    return document, first_pools(document, pools)


def issuer(given: Document | None, key: str, location: str, tenant: str) -> Document:
    """The issuer of service account tokens: its URL is what a federated credential must name."""
    if not (given or {}).get("enabled"):
        return {"enabled": False}
    own = uuid.uuid5(uuid.NAMESPACE_URL, f"issuer of {key}")
    return {"enabled": True, "issuerURL": f"https://{location}.oic.prod-aks.azure.com/{tenant}/{own}/"}


def _api_server(given: Document, prefix: str, host: str, location: str) -> Document:
    """A private API server has a name that only its own network resolves, and no other."""
    if not (given.get("apiServerAccessProfile") or {}).get("enablePrivateCluster"):
        return {"fqdn": f"{host}.hcp.{location}.azmk8s.io"}
    zone = uuid.uuid5(uuid.NAMESPACE_URL, host)
    return {"privateFQDN": f"{prefix}-{host[-8:]}.{zone}.privatelink.{location}.azmk8s.io"}


def _kubelet_identity(request: ArmRequest, given: Document, name: str, group: str, location: str) -> Document:
    node_group = given.get("nodeResourceGroup") or f"MC_{group}_{name}_{location}"[:80]
    scope = f"/subscriptions/{request.target.subscription}/resourcegroups/{node_group}"
    own = f"kubelet of {request.target.key}"
    return {
        "kubeletidentity": {
            "resourceId": f"{scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}-agentpool",
            "clientId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"client {own}")),
            "objectId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"object {own}")),
        }
    }


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
    if profile["loadBalancerSku"] == "standard" and profile["outboundType"] == "loadBalancer":
        managed = {"managedOutboundIPs": {"count": 1}, "backendPoolType": "nodeIPConfiguration"}
        profile["loadBalancerProfile"] = {**managed, **(given.get("loadBalancerProfile") or {})}
    return profile


def _network(prefix: str, name: str) -> IPv4Network:
    try:
        return IPv4Network(prefix)
    except ValueError as wrong:
        message = f"The value of parameter networkProfile.{name} is invalid: {prefix}."
        raise bad_request("InvalidParameter", message, target=f"networkProfile.{name}") from wrong


def _check_service_range(profile: Document) -> None:
    service = _network(profile["serviceCidr"], "serviceCidr")
    for field in ("serviceCidr", "podCidr"):
        if profile.get(field) and any(_network(profile[field], field).overlaps(kept) for kept in RESERVED):
            message = f"The {field} {profile[field]} overlaps with a range that AKS keeps for itself."
            raise bad_request("InvalidParameter", message, target=f"networkProfile.{field}")
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


def _support_plan(wanted: str | None, tier: str) -> str:
    if wanted != LONG_TERM:
        return "KubernetesOfficial"
    if tier.lower() != "premium":
        message = "Long-Term Support (LTS) needs the Premium tier. See https://aka.ms/aks/lts for details."
        raise bad_request("BadRequest", message, target="supportPlan")
    return LONG_TERM


def _version(wanted: str, settings: Settings, plan: str) -> str:
    """The full version: the newest patch of what was asked for, or the default."""
    offered, older = settings.kubernetes_versions, settings.long_term_versions
    if not wanted:
        return offered[-1]
    known = (*older, *offered)
    found = [version for version in known if version == wanted or version.startswith(wanted + ".")]
    if found and found[-1] in older and plan != LONG_TERM:
        message = (
            f"Managed cluster is on version {found[-1]} which is only available for Long-Term Support (LTS). If you intend to "
            "onboard to LTS, please ensure the cluster is in Premium tier and LTS support plan."
        )
        raise bad_request("K8sVersionNotSupported", message, target="kubernetesVersion")
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
