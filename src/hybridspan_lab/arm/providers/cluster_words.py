"""What AKS takes: the words, names and combinations of a cluster and its pools, judged before anything else."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address
from typing import Any, Final

from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import ArmError, bad_request

ON_TOP: Final = frozenset(
    [
        "id",
        "name",
        "type",
        "kind",
        "location",
        "tags",
        "sku",
        "identity",
        "properties",
        "extendedLocation",
        "eTag",
        "systemData",
    ]
)
DNS_PREFIX: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,52}[A-Za-z0-9])?")
LABEL_PART: Final = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
LABEL: Final = re.compile(rf"([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{LABEL_PART}")
LABEL_VALUE: Final = re.compile(rf"({LABEL_PART})?")
TAINT: Final = re.compile(
    rf"{LABEL.pattern}(={LABEL_PART})?:(NoSchedule|PreferNoSchedule|NoExecute)", re.IGNORECASE
)
NETWORK_WORDS: Final = {
    "networkPlugin": ("azure", "kubenet", "none"),
    "networkPluginMode": ("overlay",),
    "networkPolicy": ("none", "azure", "calico", "cilium"),
    "outboundType": (
        "loadBalancer",
        "userDefinedRouting",
        "managedNATGateway",
        "userAssignedNATGateway",
        "none",
        "block",
    ),
    "loadBalancerSku": ("standard", "basic"),
}
POOL_WORDS: Final = {
    "mode": ("System", "User", "Gateway"),
    "osType": ("Linux", "Windows"),
    "type": ("VirtualMachineScaleSets", "AvailabilitySet", "VirtualMachines"),
}


def check_cluster(body: Document) -> None:
    """ArmError 400 for a new cluster that cannot be meant, whatever is there."""
    properties = body.get("properties") or {}
    _among(body.get("sku") or {}, "tier", ("Free", "Standard", "Premium"), "sku")
    _among(body.get("sku") or {}, "name", ("Base", "Automatic"), "sku")
    _among(properties, "supportPlan", ("KubernetesOfficial", "AKSLongTermSupport"), "properties")
    _check_identity(body)
    prefix = properties.get("dnsPrefix")
    if prefix and not DNS_PREFIX.fullmatch(prefix):
        raise invalid("dnsPrefix", prefix)
    check_network_profile(properties.get("networkProfile") or {})
    workload = (properties.get("securityProfile") or {}).get("workloadIdentity") or {}
    if workload.get("enabled") and not (properties.get("oidcIssuerProfile") or {}).get("enabled"):
        message = "Workload identity needs the OIDC issuer: oidcIssuerProfile.enabled must be true."
        raise bad_request("BadRequest", message, target="securityProfile.workloadIdentity")


def check_top(body: Document) -> None:
    """ArmError 400 for a word beside `properties` that AKS does not know."""
    if unknown := set(body) - ON_TOP:
        message = f'UnmarshalEntity encountered error: json: unknown field "{min(unknown)}".'
        raise bad_request("UnmarshalError", message)


def check_network_profile(given: Document) -> None:
    """ArmError 400 for words that nobody knows, and for plugins that do not go together with what is beside them."""
    for name, words in NETWORK_WORDS.items():
        _among(given, name, words, "networkProfile")
    plugin = str(given.get("networkPlugin") or "azure").lower()
    if given.get("networkPluginMode") and plugin != "azure":
        message = "Network plugin mode 'overlay' is only supported with network plugin azure."
        raise bad_request("InvalidParameter", message, target="networkProfile.networkPluginMode")
    if plugin == "kubenet" and str(given.get("networkPolicy") or "").lower() in ("azure", "cilium"):
        message = f"Network policy {given['networkPolicy']} is not supported with network plugin kubenet."
        raise bad_request("InvalidParameter", message, target="networkProfile.networkPolicy")
    if address := given.get("dnsServiceIP"):
        try:
            IPv4Address(address)
        except AddressValueError as wrong:
            raise invalid("networkProfile.dnsServiceIP", address) from wrong


def check_pool(name: str, properties: Document) -> None:
    """ArmError 400 for words, labels and taints of a pool that neither AKS nor Kubernetes takes."""
    for field, words in POOL_WORDS.items():
        _among(properties, field, words, "agentPoolProfile")
    for label, value in (properties.get("nodeLabels") or {}).items():
        if not (LABEL.fullmatch(str(label)) and LABEL_VALUE.fullmatch(str(value))):
            raise invalid("agentPoolProfile.nodeLabels", f"{label}={value} of pool {name}")
    for taint in properties.get("nodeTaints") or ():
        if not TAINT.fullmatch(str(taint)):
            raise invalid("agentPoolProfile.nodeTaints", f"{taint} of pool {name}")


def check_pool_version(cluster: Document, name: str, wanted: str) -> None:
    """ArmError 400 for nodes that would be newer than their control plane; the lab's are not older either."""
    current = str(cluster["properties"]["currentKubernetesVersion"])
    if not wanted or wanted == current or current.startswith(f"{wanted}."):
        return
    if _numbers(wanted) > _numbers(current):
        message = (
            f"Node pool version {wanted} and control plane version {current} are incompatible. Minor version of node "
            "pool cannot be bigger than control plane's version."
        )
        raise bad_request("NodePoolMcVersionIncompatible", message)
    message = (
        f"The lab's nodes are of their control plane's version {current}; {wanted} was asked for pool {name}."
    )
    raise bad_request("OperationNotAllowed", message, target="agentPoolProfile.orchestratorVersion")


def invalid(what: str, value: Any) -> ArmError:
    """AKS's refusal of a value."""
    message = f"The value of parameter {what} is invalid: {value}. Please see https://aka.ms/aks-naming-rules for more details."
    return bad_request("InvalidParameter", message, target=what)


def _check_identity(body: Document) -> None:
    kind = (body.get("identity") or {}).get("type")
    if kind is not None and str(kind).lower() not in ("systemassigned", "userassigned", "none"):
        raise invalid("identity.type", kind)
    principal = ((body.get("properties") or {}).get("servicePrincipalProfile") or {}).get("clientId")
    if str(kind or "none").lower() == "none" and principal in (None, "", "msi"):
        message = "Required parameter servicePrincipalProfile is missing (null)."
        raise bad_request("InvalidParameter", message, target="servicePrincipalProfile")


def _among(given: Document, name: str, words: tuple[str, ...], where: str) -> None:
    value = given.get(name)
    if value not in (None, "") and str(value).lower() not in {word.lower() for word in words}:
        raise invalid(f"{where}.{name}", value)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
