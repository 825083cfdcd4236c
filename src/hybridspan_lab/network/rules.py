"""How a security group's rules become policy routing rules of a router.

A packet passes two chains, first the outbound rules, then the inbound ones, as on Azure both sides must let it pass.
An allowing rule of the first chain jumps to the second, one of the second to the main routing table; a denying rule is
a black hole: silence, as a cloud does it.

Policy routing keeps no state of connections. A denial of every port therefore leaves out the ports from which pods
open their own connections, so that answers to connections from the other direction still arrive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from hybridspan_lab.network.model import EPHEMERAL, Denial, PortRange

Action = Literal["pass", "next", "drop", "mark"]

OUTBOUND_START: Final = 1_000
INBOUND_START: Final = 10_000
END: Final = 20_000
LAST_PORT: Final = 65_534  # the kernel's rules take 1 to 65534 only
PROTOCOLS: Final = {"icmp": 1, "tcp": 6, "udp": 17}


@dataclass(frozen=True, slots=True)
class FibRule:
    """One policy routing rule; `order` is its place, and `mark` is the target of jumps that matches nothing."""

    order: int
    action: Action
    source: str = ""
    destination: str = ""
    protocol: int = 0
    ports: PortRange | None = None
    source_ports: PortRange | None = None


def fib_rules(denials: Iterable[Denial]) -> tuple[FibRule, ...]:
    """The rules of one router, in order."""
    chains: dict[str, list[Denial]] = {"Outbound": [], "Inbound": []}
    for denial in denials:
        chains[denial.direction].append(denial)
    if not any(chains.values()):
        return ()
    return (
        *chain(chains["Outbound"], OUTBOUND_START, "next"),
        FibRule(INBOUND_START, "mark"),
        *chain(chains["Inbound"], INBOUND_START + 1, "pass"),
    )


def chain(denials: list[Denial], start: int, allowed: Action) -> list[FibRule]:
    rules: list[FibRule] = []
    for denial in sorted(denials, key=lambda rule: (rule.priority, rule.source, rule.destination)):
        action: Action = allowed if denial.allow else "drop"
        for protocol, ports in matches(denial):
            for source_ports in map(within, denial.source_ports) if denial.source_ports else (None,):
                order, ends = start + len(rules), (denial.source, denial.destination)
                rules.append(FibRule(order, action, *ends, protocol, ports, source_ports))
    return rules


def matches(denial: Denial) -> list[tuple[int, PortRange | None]]:
    """Protocol number (0 for any) and port range of each rule that `denial` needs."""
    if denial.protocol == "icmp":
        return [(PROTOCOLS["icmp"], None)]
    if denial.allow and not denial.ports:
        return [(PROTOCOLS.get(denial.protocol, 0), None)]
    ports = denial.ports if denial.ports and denial.ports != ((0, 65535),) else fixed_ports()
    named = ("tcp", "udp") if denial.protocol == "any" else (denial.protocol,)
    found: list[tuple[int, PortRange | None]] = [
        (PROTOCOLS[name], within(span)) for name in named for span in ports
    ]
    if denial.protocol == "any" and not denial.ports:
        found.append((PROTOCOLS["icmp"], None))
    return found


def within(span: PortRange) -> PortRange:
    """The part of a range that the kernel's rules can name."""
    return max(span[0], 1), min(span[1], LAST_PORT)


def fixed_ports() -> tuple[PortRange, ...]:
    return ((1, EPHEMERAL[0] - 1), (EPHEMERAL[1] + 1, LAST_PORT))
