"""The documented procedure, end to end, on real Cassandra and a real Kubernetes; then a third region.

The tests of this file share one lab and build on one another, in this order.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.rehearsal.rig import EXAMPLES, Rig, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(1500)]

ROWS = 20_000
APIGEE_KEYSPACES = ["cache_hybrid_test_7_hybrid", "kms_hybrid_test_7_hybrid", "kvm_hybrid_test_7_hybrid"]
APIGEE_KEYSPACES += ["perses", "quota_hybrid_test_7_hybrid"]
SYSTEM_KEYSPACES = ["system_auth", "system_distributed", "system_traces"]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("two-regions") as rig:
        rig.hybridspan("lab", "fill", "--rows", str(ROWS))
        yield rig


def replication(rig: Rig) -> dict[str, dict[str, int]]:
    status = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)
    return {k["name"]: k["factors"] for k in status["ring"]["keyspaces"]}


def test_without_a_terminal_and_without_a_yes_nothing_is_done(rig: Rig) -> None:
    done = rig.hybridspan("apply", str(rig.topology), expect=2)
    assert "HS-CLI-002" in done.stderr
    assert rig.events("acting") == []


def test_the_plan_names_every_row_of_the_procedure(rig: Rig) -> None:
    plan = json.loads(rig.hybridspan("plan", str(rig.topology), "--json").stdout)
    rows = {row for step in plan["steps"] for row in step["procedureRows"]}
    assert rows == set(range(1, 18))


def test_apply_stops_before_the_first_node_joins_and_names_it(rig: Rig) -> None:
    done = rig.hybridspan("apply", str(rig.topology), "--yes", expect=3, timeout=600)
    assert "Stopped before datastore/centralus" in done.stderr


def test_apply_goes_on_to_the_end(rig: Rig) -> None:
    rig.apply()


def test_each_keyspace_is_replicated_as_documented(rig: Rig) -> None:
    factors = replication(rig)
    assert all(factors[name] == {"dc-1": 3, "dc-2": 3} for name in APIGEE_KEYSPACES), factors
    assert all(factors[name] == {"dc-1": 1, "dc-2": 1} for name in SYSTEM_KEYSPACES), factors


def test_verify_proves_it(rig: Rig) -> None:
    result = json.loads(rig.hybridspan("verify", str(rig.topology), "--json").stdout)
    assert result["proved"] is True


def test_the_seed_is_out_again(rig: Rig) -> None:
    overrides = (rig.directory / "overrides_apigee-centralus.yaml").read_text()
    assert "multiRegionSeedHost" not in overrides
    live = rig.kubectl("apigee-centralus", "get", "apigeeds", "default", "-n", "apigee", "-o", "json")
    assert "multiRegionSeedHost" not in live


def test_a_second_apply_does_nothing_and_says_why(rig: Rig) -> None:
    acted = len(rig.events("acting"))
    done = rig.apply()
    assert len(rig.events("acting")) == acted
    assert "0 steps carried out" in done.stderr


def test_the_real_nodetool_sees_both_data_centers_up(rig: Rig) -> None:
    said = rig.nodetool("apigee-eastus", 0, "status")
    assert said.count("UN  ") == 6
    assert "Datacenter: dc-1" in said
    assert "Datacenter: dc-2" in said


def test_the_real_az_shows_the_peering_connected(rig: Rig) -> None:
    show = (
        "network",
        "vnet",
        "peering",
        "show",
        "--name",
        "my-hybrid-rg-vnet1-peering",
        "--vnet-name",
        "my-hybrid-rg-vnet",
    )
    said = rig.az(*show, "--resource-group", "my-hybrid-rg", "--query", "peeringState")
    assert said.strip() == '"Connected"'


def test_kubectl_follows_a_log(rig: Rig) -> None:
    follow = (
        "kubectl",
        "--context",
        "apigee-centralus",
        "logs",
        "-f",
        "apigee-cassandra-default-0",
        "-n",
        "apigee",
    )
    with subprocess.Popen(follow, env=dict(rig.environment), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("Starting listening for CQL clients" in line for line in process.stdout)
        process.terminate()


def test_kubectl_gives_a_terminal_in_a_pod(rig: Rig) -> None:
    command = "kubectl --context apigee-eastus exec -it apigee-cassandra-default-0 -n apigee -- bash -c 'tty; exit 3'"
    done = rig.run("script", "-qec", command, "/dev/null", expect=3)
    assert "/dev/pts/" in done.stdout


def test_cqlsh_reaches_a_node_through_a_forwarded_port(rig: Rig) -> None:
    forward = (
        "kubectl",
        "--context",
        "apigee-centralus",
        "port-forward",
        "apigee-cassandra-default-0",
        "-n",
        "apigee",
        ":9042",
    )
    with subprocess.Popen(forward, env=dict(rig.environment), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().split("127.0.0.1:")[1].split()[0]
        try:
            done = rig.cqlsh("apigee-centralus", port, "SELECT cluster_name FROM system.local;")
        finally:
            process.terminate()
    assert "apigeecluster" in done


def test_the_client_pod_of_the_procedure_lists_the_keyspaces(rig: Rig) -> None:
    get = (
        "get",
        "secret",
        "apigee-datastore-default-creds",
        "-n",
        "apigee",
        "-o",
        "jsonpath={.data.ddl\\.password}",
    )
    password = base64.b64decode(rig.kubectl("apigee-eastus", *get)).decode()
    host = "apigee-cassandra-default-0.apigee-cassandra-default.apigee.svc.cluster.local"
    image = ("--image", "google/apigee-hybrid-cassandra-client:1.0.0", "cqlsh", "-n", "apigee")
    script = f"cqlsh {host} -u ddl_user --ssl -e 'SELECT * FROM system_schema.keyspaces;'\n{password}\nexit\n"
    said = rig.kubectl("apigee-eastus", "run", "-i", "--restart=Never", "--rm", *image, stdin=script)
    assert all(name in said for name in (*APIGEE_KEYSPACES, *SYSTEM_KEYSPACES))


def test_a_third_region_joins_afterwards(rig: Rig) -> None:
    for source in (EXAMPLES / "three-regions").glob("*.yaml"):
        if not (rig.directory / source.name).exists():
            shutil.copy(source, rig.directory / source.name)
    shutil.copy(EXAMPLES / "three-regions" / "hybrid.yaml", rig.directory / "hybrid.yaml")
    rig.apply()
    factors = replication(rig)
    assert all(factors[name] == {"dc-1": 3, "dc-2": 3, "dc-3": 3} for name in APIGEE_KEYSPACES), factors


def test_every_row_is_read_from_the_second_region_when_the_first_is_gone(rig: Rig) -> None:
    rig.kubectl(
        "apigee-eastus", "scale", "statefulset", "apigee-cassandra-default", "-n", "apigee", "--replicas", "0"
    )
    rig.kubectl(
        "apigee-eastus",
        "wait",
        "pod",
        "-l",
        "app=apigee-cassandra",
        "-n",
        "apigee",
        "--for=delete",
        "--timeout=120s",
    )
    reader = (
        "python3",
        "-m",
        "hybridspan_lab.cassandra.fill",
        "--verify",
        "--consistency",
        "ONE",
        "--rows",
        str(ROWS),
    )
    pod = ("exec", "apigee-cassandra-default-0", "-n", "apigee", "--")
    words = rig.kubectl("apigee-centralus", *pod, *reader)
    result = json.loads(words.splitlines()[-1])
    assert (result["found"], result["missing"]) == (ROWS, 0), result
