"""How a security group's rules become routing rules."""

from __future__ import annotations

import pytest

from hybridspan_lab.network.model import Denial, Link, short
from hybridspan_lab.network.router import message, normal
from hybridspan_lab.network.rules import INBOUND_START, OUTBOUND_START, FibRule, fib_rules


def denial(**changes):
    fields = {
        "vnet_id": "/v", "direction": "Inbound", "source": "10.1.0.0/16", "destination": "10.2.0.0/16",
        "protocol": "tcp", "ports": ((7001, 7001),), "priority": 100,
    }  # fmt: skip
    return Denial(**(fields | changes))


def test_no_rules_need_nothing():
    assert fib_rules([]) == ()


def test_an_inbound_denial_drops_in_the_second_chain():
    assert fib_rules([denial()]) == (
        FibRule(INBOUND_START, "mark"),
        FibRule(INBOUND_START + 1, "drop", "10.1.0.0/16", "10.2.0.0/16", 6, (7001, 7001)),
    )


def test_an_allowed_outbound_packet_goes_on_to_the_inbound_rules():
    rules = fib_rules([denial(direction="Outbound", allow=True), denial()])
    assert [(rule.order, rule.action) for rule in rules] == [
        (OUTBOUND_START, "next"), (INBOUND_START, "mark"), (INBOUND_START + 1, "drop"),
    ]  # fmt: skip


def test_rules_come_in_the_order_of_their_priorities():
    rules = fib_rules([denial(priority=200), denial(priority=100, allow=True)])
    assert [rule.action for rule in rules] == ["mark", "pass", "drop"]


def test_any_protocol_with_ports_means_tcp_and_udp():
    rules = fib_rules([denial(protocol="any")])
    assert [rule.protocol for rule in rules if rule.action == "drop"] == [6, 17]


def test_denying_every_port_spares_those_that_pods_connect_from():
    ranges = [rule.ports for rule in fib_rules([denial(ports=())]) if rule.action == "drop"]
    assert ranges == [(1, 32767), (61000, 65534)]


@pytest.mark.parametrize(("given", "kept"), [("0.0.0.0/0", ""), ("10.1.2.3/16", "10.1.0.0/16"), ("", "")])
def test_addresses_are_compared_as_the_kernel_shows_them(given, kept):
    assert normal(FibRule(1, "drop", source=given)).source == kept


def test_a_jump_names_its_target():
    assert message(FibRule(OUTBOUND_START, "next"))["goto"] == INBOUND_START


def test_names_of_interfaces_do_not_depend_on_case():
    assert short("/Subscriptions/A") == short("/subscriptions/a")
    assert Link("b", "a").ends == Link("a", "b").ends
