"""Policy routing rules of the router whose namespace the calling thread is in."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pyroute2 import IPRoute

from hybridspan_lab.network.rules import END, INBOUND_START, OUTBOUND_START, Action, FibRule

MAIN_TABLE: Final = 254
CODES: Final[Mapping[Action, int]] = {"pass": 1, "next": 2, "mark": 3, "drop": 6}
ACTIONS: Final = {code: action for action, code in CODES.items()}


def replace_rules(wanted: tuple[FibRule, ...]) -> None:
    """Adds what is missing, jump targets first, then removes what is no longer wanted."""
    with IPRoute() as ip:
        present = present_rules(ip)
        desired = {normal(rule) for rule in wanted}
        for rule in sorted(desired - present, key=lambda rule: (rule.action != "mark", rule.order)):
            ip.rule("add", **message(rule))
        for rule in sorted(present - desired, key=lambda rule: (rule.action == "mark", rule.order)):
            ip.rule("del", **message(rule))


def present_rules(ip: Any) -> set[FibRule]:
    found = set()
    for entry in ip.get_rules(family=2):
        order = entry.get("priority") or 0
        if OUTBOUND_START <= order < END and entry["action"] in ACTIONS:
            found.add(
                FibRule(
                    order,
                    ACTIONS[entry["action"]],
                    side(entry.get("src"), entry["src_len"]),
                    side(entry.get("dst"), entry["dst_len"]),
                    entry.get("ip_proto") or 0,
                    span(entry.get("dport_range")),
                    span(entry.get("sport_range")),
                )
            )
    return found


def normal(rule: FibRule) -> FibRule:
    """The rule as the kernel shows it: addresses without host bits, the whole world as nothing."""
    return replace(rule, source=network(rule.source), destination=network(rule.destination))


def network(prefix: str) -> str:
    if not prefix:
        return ""
    parsed = ipaddress.ip_network(prefix, strict=False)
    return str(parsed) if parsed.prefixlen else ""


def side(address: str | None, length: int) -> str:
    return f"{address}/{length}" if address else ""


def span(ports: str | None) -> tuple[int, int] | None:
    if not ports:
        return None
    low, _, high = ports.partition(":")
    return int(low), int(high)


def message(rule: FibRule) -> dict[str, Any]:
    fields: dict[str, Any] = {"family": 2, "priority": rule.order, "action": CODES[rule.action]}
    if rule.action == "pass":
        fields["table"] = MAIN_TABLE
    if rule.action == "next":
        fields["goto"] = INBOUND_START
    for name, prefix in (("src", rule.source), ("dst", rule.destination)):
        if prefix:
            fields[name], length = prefix.split("/")
            fields[f"{name}_len"] = int(length)
    if rule.protocol:
        fields["ip_proto"] = rule.protocol
    if rule.ports:
        fields["dport_range"] = f"{rule.ports[0]}:{rule.ports[1]}"
    if rule.source_ports:
        fields["sport_range"] = f"{rule.source_ports[0]}:{rule.source_ports[1]}"
    return fields
