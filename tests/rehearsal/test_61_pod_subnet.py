"""Clusters whose pods have a subnet of their own: nodes join with addresses of it, and the data are proved.

One Cassandra node a region, so that it takes minutes. The tests of this file share one lab and build on one another.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest

from tests.rehearsal.rig import Rig
from tests.rehearsal.small import add_below, small

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(900)]

POD, EAST, CENTRAL = "apigee-cassandra-default-0", "apigee-eastus", "apigee-centralus"
NODES = {EAST: "120.38.1.0/26", CENTRAL: "192.138.0.0/26"}
PODS = {EAST: "120.38.1.128/25", CENTRAL: "192.138.0.128/25"}


def give_pods_a_subnet(rig: Rig) -> None:
    """A subnet for pods in each network."""
    for context, prefix in PODS.items():
        add_below(
            rig,
            (f"prefix: {NODES[context]}}}\n", f"        podSubnet: {{prefix: {prefix}}}\n"),
            (f"        name: {context}\n", "        networkPlugin: azure-pod-subnet\n"),
        )


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with small("two-regions", give_pods_a_subnet) as rig:
        yield rig


def addresses(rig: Rig, context: str, *what: str, field: str) -> list[str]:
    return rig.kubectl(context, "get", *what, "-o", f"jsonpath={{.items[*].{field}}}").split()


def each_has_its_own(rig: Rig, context: str) -> None:
    """Every pod an address of the pods' subnet, every machine one of the nodes'."""
    pods = addresses(
        rig, context, "pods", "-n", "apigee", "--field-selector=status.phase=Running", field="status.podIP"
    )
    machines = addresses(rig, context, "nodes", field='status.addresses[?(@.type=="InternalIP")].address')
    assert pods
    assert [pod for pod in pods if ip_address(pod) not in ip_network(PODS[context])] == []
    assert machines
    assert [node for node in machines if ip_address(node) not in ip_network(NODES[context])] == []


def of_cassandra(rig: Rig, context: str) -> str:
    return rig.kubectl(context, "get", "pod", POD, "-n", "apigee", "-o", "jsonpath={.status.podIP}")


def test_the_existing_region_s_pods_have_addresses_of_their_subnet(rig: Rig) -> None:
    each_has_its_own(rig, EAST)


def test_a_new_region_s_node_joins_with_an_address_of_its_pods_subnet(rig: Rig) -> None:
    rig.apply(timeout=800)
    each_has_its_own(rig, CENTRAL)
    status = rig.nodetool(EAST, 0, "status")
    assert status.count("UN  ") == 2
    for context in (EAST, CENTRAL):
        assert ip_address(of_cassandra(rig, context)) in ip_network(PODS[context])
        assert f"{of_cassandra(rig, context)} " in status


def test_its_data_are_proved_and_nothing_is_left_to_do(rig: Rig) -> None:
    assert rig.is_proved()
    rig.another_apply_does_nothing()
