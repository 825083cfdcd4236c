"""How a network security group decides about one connection: pure, and by Azure's own order.

Rules of one direction are tried by priority, lowest number first; the first that matches decides. After the custom ones come
Azure's defaults: traffic within VirtualNetwork, which includes peered space, is allowed, and inbound traffic from
elsewhere denied. A rule without address prefixes (application security groups) matches no subnet as a whole and is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import Final, Literal

from hybridspan.facts.azure import SecurityRuleFacts

Direction = Literal["Inbound", "Outbound"]

_EVERYWHERE: Final = frozenset({"*", "any", "0.0.0.0/0"})


@dataclass(frozen=True, slots=True)
class Flow:
    """TCP from any address of one subnet to one port of any address of another."""

    source: IPv4Network
    destination: IPv4Network
    port: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What decides about a flow: `rule` is None where Azure's defaults do."""

    is_open: bool
    rule: SecurityRuleFacts | None


def judge(
    rules: Iterable[SecurityRuleFacts],
    direction: Direction,
    flow: Flow,
    network_space: Sequence[IPv4Network],
) -> Verdict:
    """Whether a group's rules let a flow pass. `network_space` is what VirtualNetwork stands for: own and peered ranges.

    A rule that denies only a part of the flow's addresses closes it; one that allows only a part does not open it.
    """
    of_direction = [r for r in rules if r.direction.lower() == direction.lower()]
    for rule in sorted(of_direction, key=lambda r: r.priority):
        is_deny = rule.access.lower() == "deny"
        if _matches(rule, flow, network_space, partly=is_deny):
            return Verdict(not is_deny, rule)
    within = _within(flow.source, network_space) and _within(flow.destination, network_space)
    return Verdict(within or direction == "Outbound", None)


def _matches(rule: SecurityRuleFacts, flow: Flow, space: Sequence[IPv4Network], *, partly: bool) -> bool:
    return (
        rule.protocol.lower() in ("*", "tcp")
        and _has_port(rule.destination_ports, flow.port)
        and _any_source_port(rule.source_ports, partly=partly)
        and _has_addresses(rule.sources, flow.source, space, partly=partly)
        and _has_addresses(rule.destinations, flow.destination, space, partly=partly)
    )


def _has_port(ports: Iterable[str], port: int) -> bool:
    return any(_in_range(item, port) for item in ports)


def _in_range(item: str, port: int) -> bool:
    if item == "*":
        return True
    low, _, high = item.partition("-")
    return int(low) <= port <= int(high or low)


def _any_source_port(ports: Iterable[str], *, partly: bool) -> bool:
    """Clients take any high port: a rule for some source ports denies a part of them, and allows only a part."""
    return partly or any(item in ("*", "0-65535", "1-65535") for item in ports)


def _has_addresses(
    prefixes: Iterable[str], wanted: IPv4Network, space: Sequence[IPv4Network], *, partly: bool
) -> bool:
    return any(_covers(prefix, wanted, space, partly=partly) for prefix in prefixes)


def _covers(prefix: str, wanted: IPv4Network, space: Sequence[IPv4Network], *, partly: bool) -> bool:
    if prefix.lower() in _EVERYWHERE:
        return True
    if prefix.lower() == "virtualnetwork":
        return any(wanted.overlaps(s) for s in space) if partly else _within(wanted, space)
    parsed = _network(prefix)
    if parsed is None:  # Internet, AzureLoadBalancer and the like never mean a subnet of ours
        return False
    return wanted.overlaps(parsed) if partly else wanted.subnet_of(parsed)


def _network(prefix: str) -> IPv4Network | None:
    try:
        parsed = ip_network(prefix, strict=False)
    except ValueError:
        return None
    return parsed if isinstance(parsed, IPv4Network) else None


def _within(wanted: IPv4Network, space: Sequence[IPv4Network]) -> bool:
    return any(wanted.subnet_of(prefix) for prefix in space)


def free_priority(rules: Iterable[SecurityRuleFacts], direction: Direction, before: int) -> int | None:
    """The highest free priority below `before`, or None where everything from 100 on is taken."""
    taken = {r.priority for r in rules if r.direction.lower() == direction.lower()}
    return next((p for p in range(before - 1, 99, -1) if p not in taken), None)
