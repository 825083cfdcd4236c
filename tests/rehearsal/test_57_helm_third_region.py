"""Cassandra on its machines' addresses, copied directly into a second region and by the operator into a third."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.rehearsal.rig import Rig

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(1500)]

THIRD = """
    - name: westus2
      datacenter: dc-3
      rack: ra-1
      network:
        name: apigee-westus2-vnet
        addressPrefixes: [10.30.0.0/16]
        subnet: {name: apigee-westus2-vnet-subnet, prefix: 10.30.0.0/24}
      cluster:
        name: apigee-westus2
        serviceCidr: 10.103.0.0/16
        nodePools:
          - {name: apigeerun, mode: System, count: 1, vmSize: Standard_D4s_v5, maxPods: 20}
          - {name: apigeedata, mode: User, count: 3, vmSize: Standard_D8s_v5, maxPods: 20}
      cassandraNodes: 3
"""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    rig = Rig("helm-two-regions")
    overrides = rig.directory / "overrides_apigee-eastus.yaml"
    overrides.write_text(overrides.read_text().replace("hostNetwork: false", "hostNetwork: true"))
    rig.topology.write_text(
        rig.topology.read_text().replace("  installer: helm", "  installer: helm\n  replication: direct")
    )
    try:
        rig.up()
        rig.hybridspan("lab", "fill", "--rows", "5000")
        yield rig
    finally:
        rig.down()


def replication(rig: Rig, context: str) -> str:
    get = ("get", "cdr", "region-expansion", "-n", "apigee", "-o", "jsonpath={.status.state}")
    return rig.kubectl(context, *get)


def test_copied_directly_the_operators_record_says_complete_too(rig: Rig) -> None:
    rig.apply()
    assert rig.is_proved()
    assert replication(rig, "apigee-centralus") == "complete"
    acted = [e["step"] for e in rig.events("acting")]
    assert acted.index("rebuild/centralus/apigee-cassandra-default-2") < acted.index("organization/centralus")


def test_the_nodes_have_their_machines_addresses(rig: Rig) -> None:
    get = ("get", "pods", "-l", "app=apigee-cassandra", "-n", "apigee", "-o", "json")
    pods = json.loads(rig.kubectl("apigee-centralus", *get))["items"]
    assert all(pod["status"]["podIP"] == pod["status"]["hostIP"] for pod in pods)


def test_a_third_region_is_copied_by_the_operator(rig: Rig) -> None:
    text = rig.topology.read_text().replace("replication: direct", "replication: resource")
    rig.topology.write_text(text.rstrip("\n") + THIRD)
    rig.apply()
    assert rig.is_proved()
    assert replication(rig, "apigee-westus2") == "complete"
    status = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)
    factors = {k["name"]: k["factors"] for k in status["ring"]["keyspaces"]}
    assert factors["kms_hybrid_test_7_hybrid"] == {"dc-1": 3, "dc-2": 3, "dc-3": 3}
