"""What the documents mean for packets: which networks exist, which peerings carry traffic, which rules apply.

Pure: documents in, a `DesiredNetwork` out. A peering carries traffic when both directions are Connected and allow
access; routes lead to the ranges that the other side has synced. Security rules are worked out to address ranges:
`VirtualNetwork` is the network's own space and that of its connected peers. There is no internet in the lab, so rules
that name it, or another service's tag, match nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import Final

from hybridspan_lab.arm.documents import Document, Documents
from hybridspan_lab.arm.providers import addresses
from hybridspan_lab.arm.providers.peering_documents import remote_id, synced
from hybridspan_lab.arm.providers.security_rules import default_rules, values_of
from hybridspan_lab.network.model import Denial, DesiredNetwork, Direction, Link, PortRange, Protocol, VNet

NETWORK: Final = "microsoft.network/virtualnetworks"
PEERING: Final = f"{NETWORK}/virtualnetworkpeerings"
SUBNET: Final = f"{NETWORK}/subnets"
EVERYTHING: Final = IPv4Network("0.0.0.0/0")
LOAD_BALANCER: Final = IPv4Network("168.63.129.16/32")
Connected = dict[str, dict[str, Document]]
"""By network and remote network: the peering on that side, for pairs that carry traffic."""
PROTOCOLS: Final[dict[str, Protocol]] = {"tcp": "tcp", "udp": "udp", "icmp": "icmp", "*": "any"}


def network_from_documents(documents: Documents) -> DesiredNetwork:
    """The network that these documents describe."""
    connected = _connected(documents)
    networks = [document for _, document in _of_type(documents, NETWORK)]
    return DesiredNetwork(
        vnets=tuple(_network(document) for document in networks),
        links=tuple(_links(documents, connected)),
        denials=tuple(_denials(documents, connected)),
    )


def _of_type(documents: Documents, wanted: str) -> Iterator[tuple[str, Document]]:
    return ((key, d) for key, d in documents.items() if str(d.get("type", "")).lower() == wanted)


def _connected(documents: Documents) -> Connected:
    """The peerings that carry traffic: those that are open in both directions."""
    every = {
        (key.rsplit("/", 2)[0], remote_id(document).lower()): document
        for key, document in _of_type(documents, PEERING)
    }
    found: Connected = {}
    for (own, remote), document in every.items():
        back = every.get((remote, own))
        if back is not None and remote in documents and _open(document) and _open(back):
            found.setdefault(own, {})[remote] = document
    return found


def _open(peering: Document) -> bool:
    properties = peering["properties"]
    return properties["peeringState"] == "Connected" and bool(properties["allowVirtualNetworkAccess"])


def _network(document: Document) -> VNet:
    return VNet(document["id"], document["name"], tuple(addresses.prefixes(document)))


def _links(documents: Documents, connected: Connected) -> Iterator[Link]:
    pairs = sorted(
        {(min(own, remote), max(own, remote)) for own, peers in connected.items() for remote in peers}
    )
    for first, second in pairs:
        known = (
            _known(documents[first], connected[second][first]),
            _known(documents[second], connected[first][second]),
        )
        yield Link(documents[first]["id"], documents[second]["id"], known)


def _known(network: Document, peering: Document) -> tuple[str, tuple[str, ...]]:
    """Of a network's ranges, those that the other side's peering has synced: to others it has no route."""
    learned = synced(peering)
    return network["id"], tuple(prefix for prefix in addresses.prefixes(network) if prefix in learned)


# ---- security groups


def _denials(documents: Documents, connected: Connected) -> Iterator[Denial]:
    for key, subnet in _of_type(documents, SUBNET):
        group_id = (subnet["properties"].get("networkSecurityGroup") or {}).get("id")
        if group_id is None or str(group_id).lower() not in documents:
            continue
        network_key = key.rsplit("/", 2)[0]
        guarded = IPv4Network(addresses.subnet_prefix(subnet))
        space = _virtual_network(documents[network_key], connected.get(network_key, {}))
        for rule in _rules(documents, str(group_id).lower()):
            yield from _rule(documents[network_key]["id"], guarded, space, rule)


def _rules(documents: Documents, group_key: str) -> list[Document]:
    prefix = f"{group_key}/securityrules/"
    custom = [document["properties"] for key, document in documents.items() if key.startswith(prefix)]
    rules = [*custom, *(rule["properties"] for rule in default_rules())]
    return sorted(rules, key=lambda rule: (rule["direction"], rule["priority"]))


def _virtual_network(network: Document, peers: Mapping[str, Document]) -> list[IPv4Network]:
    """The `VirtualNetwork` tag: the network's own space and that of its connected peers."""
    space = addresses.networks(addresses.prefixes(network))
    for peering in peers.values():
        space += addresses.networks(synced(peering))
    return space


def _rule(
    network_id: str, guarded: IPv4Network, space: list[IPv4Network], rule: Document
) -> Iterator[Denial]:
    direction: Direction = "Inbound" if rule["direction"] == "Inbound" else "Outbound"
    protocol = PROTOCOLS.get(rule["protocol"].lower())
    if protocol is None:
        return
    sources = _ranges(values_of(rule, "sourceAddressPrefix"), space)
    destinations = _ranges(values_of(rule, "destinationAddressPrefix"), space)
    if direction == "Inbound":
        destinations = _narrowed(destinations, guarded)
    else:
        sources = _narrowed(sources, guarded)
    for source in sources:
        for destination in destinations:
            yield Denial(
                vnet_id=network_id,
                direction=direction,
                source=str(source),
                destination=str(destination),
                protocol=protocol,
                ports=_ports(values_of(rule, "destinationPortRange")),
                priority=int(rule["priority"]),
                allow=rule["access"] == "Allow",
                source_ports=_ports(values_of(rule, "sourcePortRange")),
            )


def _ranges(values: list[str], space: list[IPv4Network]) -> list[IPv4Network]:
    found: list[IPv4Network] = []
    for value in values:
        if value == "*":
            found.append(EVERYTHING)
        elif value.lower() == "virtualnetwork":
            found += space
        elif value.lower() == "azureloadbalancer":
            found.append(LOAD_BALANCER)
        elif value[0].isdigit():
            found.append(IPv4Network(value, strict=False))
    return found


def _narrowed(ranges: list[IPv4Network], guarded: IPv4Network) -> list[IPv4Network]:
    """The part of the ranges inside the guarded subnet, each part once."""
    inside = {guarded if guarded.subnet_of(one) else one for one in ranges if one.overlaps(guarded)}
    return sorted(inside)


def _ports(values: list[str]) -> tuple[PortRange, ...]:
    """Ranges of ports, both ends included; empty for all."""
    if {"*", "0-65535"} & set(values):
        return ()
    ends = [value.partition("-") for value in values]
    return tuple((int(first), int(last or first)) for first, _, last in ends)
