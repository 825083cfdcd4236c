"""Address arithmetic: what a network and its subnets may be, and who holds which addresses of a subnet."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import Final

from hybridspan_lab.arm.documents import Document, Documents
from hybridspan_lab.arm.errors import ArmError, bad_request, wrong_value

RESERVED: Final = tuple(
    IPv4Network(prefix)
    for prefix in ("224.0.0.0/4", "255.255.255.255/32", "127.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32")
)
BATCH: Final = 16
KEPT_BY_AZURE: Final = 5
"""Addresses of every subnet that Azure keeps: network, gateway, two for DNS, broadcast."""


def networks(prefixes: Iterable[str]) -> list[IPv4Network]:
    """The prefixes as networks."""
    return [IPv4Network(prefix) for prefix in prefixes]


def prefixes(network: Document) -> list[str]:
    """The address space of a network's document."""
    return list(network["properties"]["addressSpace"]["addressPrefixes"])


def space(given: Iterable[str]) -> Document:
    """An address space as documents have it."""
    return {"addressPrefixes": list(given), "ipamPoolPrefixAllocations": []}


def overlap(
    first: Iterable[IPv4Network], second: Iterable[IPv4Network]
) -> tuple[IPv4Network, IPv4Network] | None:
    """The first pair that overlaps."""
    others = list(second)
    return next(((one, two) for one in first for two in others if one.overlaps(two)), None)


def prefixes_of_network(properties: Document, name: str) -> list[str]:
    """The address space that a network's body asks for; ArmError when Azure would refuse it. Public ranges are fine."""
    asked = properties.get("addressSpace") or {}
    if not isinstance(asked, dict) or not isinstance(asked.get("addressPrefixes") or [], list):
        raise wrong_value("properties.addressSpace", asked, "Object")
    given = [str(p) for p in asked.get("addressPrefixes") or []]
    if not given:
        raise bad_request(
            "InvalidRequestFormat", f"Virtual network {name} must have at least one address prefix."
        )
    parsed = [parse_prefix(prefix, name) for prefix in given]
    for at, one in enumerate(parsed):
        if any(one.overlaps(two) for two in parsed[at + 1 :]):
            message = f"Address prefixes of virtual network {name} overlap."
            raise bad_request("VnetAddressSpacePrefixesOverlap", message)
    for one in parsed:
        if any(one.overlaps(kept) for kept in RESERVED):
            message = f"Address prefix {one} of virtual network {name} is not allowed."
            raise bad_request("AddressPrefixNotAllowed", message)
    return given


def parse_prefix(prefix: str, resource: str) -> IPv4Network:
    """A prefix in strict notation."""
    try:
        if "/" not in prefix:
            raise AddressValueError(prefix)
        return IPv4Network(prefix)
    except (AddressValueError, NetmaskValueError) as wrong:
        message = f"Address prefix string for resource {resource} must be in a valid format: '{prefix}'."
        raise bad_request("InvalidAddressPrefixFormat", message) from wrong
    except ValueError as wrong:
        message = (
            f"The address prefix {prefix} in resource {resource} has an invalid CIDR notation. For the given prefix "
            f"length, the address prefix should be {IPv4Network(prefix, strict=False)}."
        )
        raise bad_request("InvalidCIDRNotation", message) from wrong


def subnet_prefix(subnet: Document) -> str:
    """The subnet's prefix, whichever of the two properties holds it."""
    properties = subnet["properties"]
    several = properties.get("addressPrefixes") or []
    return str(properties.get("addressPrefix") or (several[0] if several else ""))


def subnet_network(subnet: Document, network_name: str) -> IPv4Network:
    """The subnet's prefix as a network."""
    found = parse_prefix(subnet_prefix(subnet), subnet["name"])
    if found.prefixlen > 29:
        message = f"Subnet '{subnet['name']}' is not valid in virtual network '{network_name}'."
        raise bad_request("NetcfgInvalidSubnet", message)
    return found


def check_subnets(network: Document, subnets: list[Document]) -> None:
    """ArmError 400 for subnets outside the network or over one another."""
    space = networks(prefixes(network))
    name = network["name"]
    seen: list[IPv4Network] = []
    for subnet in subnets:
        own = subnet_network(subnet, name)
        if not any(own.subnet_of(prefix) for prefix in space):
            message = (
                f"Subnet '{subnet['name']}' is not valid because its IP address range is outside the IP address "
                f"range of virtual network '{name}'."
            )
            raise bad_request("NetcfgSubnetRangeOutsideVnet", message)
        if any(own.overlaps(other) for other in seen):
            message = (
                f"Subnet '{subnet['name']}' is not valid because its IP address range overlaps with that of an "
                f"existing subnet in virtual network '{name}'."
            )
            raise bad_request("NetcfgSubnetRangesOverlap", message)
        seen.append(own)


# ---- who holds addresses


def pods_in_node_subnet(profile: Document, pool: Document) -> bool:
    """Whether pods take addresses of the nodes' own subnet: Azure CNI without overlay and without a pod subnet."""
    plugin, mode = profile.get("networkPlugin"), profile.get("networkPluginMode")
    return plugin == "azure" and mode != "overlay" and not pool.get("podSubnetID")


def nodes(pool: Document) -> int:
    """Nodes that a pool may come to have."""
    most = pool.get("maxCount") if pool.get("enableAutoScaling") else None
    return int(most or pool["count"])


def demand_in(profile: Document, pool: Document, field: str) -> int:
    """Addresses that a pool takes of the subnet which `vnetSubnetID` or `podSubnetID` names.

    Azure CNI allots those of pods to a node beforehand: in the nodes' own subnet all of them, in a subnet for pods
    alone a batch of 16, and more as pods come.
    """
    if field == "podSubnetID":
        return nodes(pool) * BATCH
    return nodes(pool) * (int(pool["maxPods"]) + 1 if pods_in_node_subnet(profile, pool) else 1)


def pools_in(documents: Documents, subnet_key: str) -> list[tuple[Document, Document, int]]:
    """Cluster, pool and number of addresses, for every pool with addresses of a subnet."""
    found = []
    for key, cluster in documents.items():
        if str(cluster.get("type", "")).lower() != "microsoft.containerservice/managedclusters":
            continue
        for pool_key, pool in documents.items():
            if not pool_key.startswith(f"{key}/agentpools/"):
                continue
            properties, profile = pool["properties"], cluster["properties"]["networkProfile"]
            found += [
                (cluster, pool, demand_in(profile, properties, field))
                for field in ("vnetSubnetID", "podSubnetID")
                if str(properties.get(field) or "").lower() == subnet_key.lower()
            ]
    return found


def configurations(documents: Documents, subnet_key: str) -> list[str]:
    """The ids of the address configurations in a subnet, as a subnet's `ipConfigurations` lists them."""
    listed: list[str] = []
    for cluster, pool, taken in pools_in(documents, subnet_key):
        subscription = cluster["id"].split("/")[2]
        nodes = int(pool["properties"]["count"])
        for number in range(taken):
            node, configuration = (number % nodes, number // nodes + 1) if nodes else (0, 1)
            listed.append(
                f"/subscriptions/{subscription}/resourceGroups/{cluster['properties']['nodeResourceGroup']}"
                f"/providers/Microsoft.Compute/virtualMachineScaleSets/aks-{pool['name']}-vmss/virtualMachines/{node}"
                f"/networkInterfaces/aks-{pool['name']}-vmss/ipConfigurations/ipconfig{configuration}"
            )
    return listed


def free_addresses(documents: Documents, subnet_key: str) -> int:
    """Addresses of a subnet that nobody holds."""
    subnet = documents[subnet_key.lower()]
    size = IPv4Network(subnet_prefix(subnet)).num_addresses - KEPT_BY_AZURE
    return size - sum(taken for _, _, taken in pools_in(documents, subnet_key))


def subnet_full(subnet: Document, wanted: int) -> ArmError:
    """The network provider's refusal when nodes get no addresses."""
    message = (
        f"Subnet {subnet['name']} with address prefix {subnet_prefix(subnet)} does not have enough capacity for "
        f"{wanted} IP addresses."
    )
    return bad_request("SubnetIsFull", message)
