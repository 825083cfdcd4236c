"""Cassandra on its machines' addresses: a second region copied directly, a third by the operator.

Hybrid 1.14 in a namespace of another name, with passwords in the overrides and workload identity federation.
The tests of this file share one lab and build on one another, in this order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.rehearsal.rig import Rig, eventually

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


POOL = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/hybrid/providers"
FEDERATION = f'  federatedWorkloadIdentity: {{enabled: true, audience: "{POOL}/eastus"}}\n'
PASSWORDS = {user: f"rehearsed-{user}-0c59" for user in ("default", "admin", "ddl", "dml", "jmx", "jolokia")}
AUTH = "".join(f"    {user}: {{password: {password}}}\n" for user, password in PASSWORDS.items())


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    rig = Rig("helm-two-regions")
    rig.use_namespace("hybrid-runtime")
    overrides = rig.directory / "overrides_apigee-eastus.yaml"
    text = overrides.read_text().replace("hostNetwork: false", "hostNetwork: true")
    text = text.replace("  region: us-east1\n", f"  region: us-east1\n{FEDERATION}", 1)
    overrides.write_text(re.sub(r"    secret: apigee-datastore-default-creds.*\n", AUTH, text))
    topology = rig.topology.read_text().replace("hybridVersion: 1.16.0", "hybridVersion: 1.14.2")
    rig.topology.write_text(topology.replace("  installer: helm", "  installer: helm\n  replication: direct"))
    try:
        rig.up()
        rig.hybridspan("lab", "fill", "--rows", "5000")
        yield rig
    finally:
        rig.down()


def replication(rig: Rig, context: str) -> str:
    get = ("get", "cdr", "region-expansion", "-n", rig.namespace, "-o", "jsonpath={.status.state}")
    return rig.kubectl(context, *get)


def register(rig: Rig, region: str) -> None:
    """What a person writes once the pool knows the cluster's issuer."""
    overrides = rig.directory / f"overrides_apigee-{region}.yaml"
    assert f"{POOL}/eastus" in overrides.read_text()
    overrides.write_text(overrides.read_text().replace(f"{POOL}/eastus", f"{POOL}/apigee-{region}"))


def test_with_workload_identity_federation_the_run_stops_before_the_organization(rig: Rig) -> None:
    done = rig.apply(expect=1)
    assert "HS-APIGEE-053" in done.stderr
    said = " ".join(done.stderr.split())
    assert "create-oidc apigee-centralus --project 123" in said
    assert "--issuer-uri https://centralus.oic.prod-aks.azure.com/" in said
    listed = rig.run("helm", "list", "-n", rig.namespace, "--kube-context", "apigee-centralus", "-q").stdout
    assert "datastore" in listed.split()
    assert "hybrid-test-7" not in listed.split()
    register(rig, "centralus")


def test_copied_directly_the_operators_record_says_complete_too(rig: Rig) -> None:
    rig.apply()
    assert rig.is_proved()
    assert replication(rig, "apigee-centralus") == "complete"
    acted = [e["step"] for e in rig.events("acting")]
    assert acted.index("rebuild/centralus/apigee-cassandra-default-2") < acted.index("organization/centralus")


def test_the_nodes_have_their_machines_addresses(rig: Rig) -> None:
    get = ("get", "pods", "-l", "app=apigee-cassandra", "-n", rig.namespace, "-o", "json")
    pods = json.loads(rig.kubectl("apigee-centralus", *get))["items"]
    assert all(pod["status"]["podIP"] == pod["status"]["hostIP"] for pod in pods)


def test_every_release_is_of_the_version_that_the_topology_names(rig: Rig) -> None:
    said = rig.run(
        "helm", "list", "-n", rig.namespace, "--kube-context", "apigee-centralus", "-o", "json"
    ).stdout
    assert {entry["app_version"] for entry in json.loads(said)} == {"1.14.2"}


def test_a_password_of_the_overrides_is_kept_nowhere_else(rig: Rig) -> None:
    kept = [path for path in (rig.directory / ".hybridspan").rglob("*") if path.is_file()]
    held = {path: path.read_bytes() for path in kept}
    assert held
    assert not [path for path, text in held.items() for word in PASSWORDS.values() if word.encode() in text]


def test_nothing_of_apigee_is_in_a_namespace_called_apigee(rig: Rig) -> None:
    for context in ("apigee-eastus", "apigee-centralus"):
        listed = json.loads(rig.kubectl(context, "get", "namespaces", "-o", "json"))["items"]
        names = {found["metadata"]["name"] for found in listed}
        assert "hybrid-runtime" in names
        assert not names & {"apigee", "apigee-system"}


def test_a_third_region_is_copied_by_the_operator(rig: Rig) -> None:
    text = rig.topology.read_text().replace("replication: direct", "replication: resource")
    rig.topology.write_text(text.rstrip("\n") + THIRD)
    rig.apply("--until", "overrides/westus2")
    register(rig, "westus2")
    rig.apply()
    assert rig.is_proved()
    assert replication(rig, "apigee-westus2") == "complete"
    status = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)
    factors = {k["name"]: k["factors"] for k in status["ring"]["keyspaces"]}
    assert factors["kms_hybrid_test_7_hybrid"] == {"dc-1": 3, "dc-2": 3, "dc-3": 3}


def test_nodes_that_were_deleted_by_force_stay_in_the_ring_and_the_plan_names_them(rig: Rig) -> None:
    context, fields = "apigee-westus2", ("-n", rig.namespace)
    forced = json.dumps({"spec": {"forceDelete": True}})
    rig.kubectl(context, "patch", "apigeeds", "default", *fields, "--type=merge", "-p", forced)
    rig.run("helm", "uninstall", "datastore", *fields, "--kube-context", context)
    rig.kubectl(context, "wait", "apigeeds/default", *fields, "--for=delete", "--timeout=120s")
    assert rig.kubectl(context, "get", "pvc", *fields, "-o", "name") == ""
    eventually(
        lambda: rig.nodetool("apigee-eastus", 0, "status").count("\nDN ") == 3, 120, "the nodes are seen down"
    )
    step = rig.step("datastore/westus2")
    assert step["state"] == "refused"
    assert "the ring still lists nodes of dc-3, and no datastore is there" in step["reason"]
    assert "nodetool removenode" in step["hint"]
