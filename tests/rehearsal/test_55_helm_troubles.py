"""What a person meets with Helm and the operator: each has a name, and the next run goes on. One lab, in this order."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.rehearsal.rig import Rig, eventually, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(1500)]

NEW = "apigee-centralus"
ORGANIZATION = "hybrid-test-7-a69bd24"
FIELDS = ("-n", "apigee")


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("helm-two-regions") as rig:
        rig.hybridspan("lab", "fill", "--rows", "60000")
        yield rig


def replication(rig: Rig, *, organization: str = ORGANIZATION, source: str = "dc-1") -> None:
    """A CassandraDataReplication as a person would make it."""
    spec = {"organizationRef": organization, "force": False, "source": {"region": source}}
    metadata = {"name": "region-expansion", "namespace": "apigee"}
    document = {
        "apiVersion": "apigee.cloud.google.com/v1alpha1",
        "kind": "CassandraDataReplication",
        "metadata": metadata,
        "spec": spec,
    }
    rig.kubectl(NEW, "apply", "-f", "-", stdin=json.dumps(document))


def state(rig: Rig) -> str:
    return rig.kubectl(NEW, "get", "cdr", "region-expansion", *FIELDS, "-o", "jsonpath={.status.state}")


def reason(rig: Rig, step: str) -> str:
    """What the plan says of a step now."""
    plan = json.loads(rig.hybridspan("plan", str(rig.topology), "--json", expect=None).stdout)
    found: str = next(s["reason"] for s in plan["steps"] if s["id"] == step)
    return found


def test_an_authority_that_is_not_the_rings_is_exchanged_while_nothing_uses_it(rig: Rig) -> None:
    rig.apply("--until", "crds/centralus")
    get = ("get", "secret", "apigee-ca", "-n", "cert-manager", "-o", "json")
    held = json.loads(rig.kubectl(NEW, *get))
    other = {**held, "metadata": {"name": "apigee-ca", "namespace": "cert-manager"}}
    other["data"] = {**held["data"], "tls.crt": held["data"]["tls.key"]}
    rig.kubectl(NEW, "replace", "-f", "-", stdin=json.dumps(other))
    assert "is not the first region's" in reason(rig, "authority/centralus")
    rig.apply("--until", "operator/centralus")
    assert json.loads(rig.kubectl(NEW, *get))["data"] == held["data"]


def test_an_operator_that_is_down_is_named_and_brought_back(rig: Rig) -> None:
    """By hand nothing can be applied without its webhook; the next run sees to the operator first."""
    rig.kubectl(NEW, "scale", "deployment", "apigee-controller-manager", *FIELDS, "--replicas=0")
    gone = ("wait", "pod", "-l", "app=apigee-controller", *FIELDS, "--for=delete", "--timeout=60s")
    rig.kubectl(NEW, *gone)
    helm = (
        "helm",
        "upgrade",
        "datastore",
        f"{rig.environment['HYBRIDSPAN_CHARTS']}/apigee-datastore",
        "--install",
    )
    values = (
        "-n",
        "apigee",
        "--kube-context",
        NEW,
        "-f",
        str(rig.directory / "overrides_apigee-centralus.yaml"),
    )
    done = rig.run(*helm, *values, expect=None)
    assert done.returncode
    assert "apigee-webhook-service" in done.stderr
    assert "not available" in reason(rig, "operator/centralus")
    rig.apply("--until", "datastore/centralus")


def test_a_replication_before_the_organization_is_mended_by_the_next_run(rig: Rig) -> None:
    rig.apply("--until", "system-keyspaces/centralus")
    replication(rig, organization="hybrid-test-7")
    eventually(lambda: state(rig) == "error", 60, "the operator refuses the resource")
    assert f"organizationRef is hybrid-test-7, the organization's resource is {ORGANIZATION}" in reason(
        rig, "replication/centralus"
    )
    rig.apply("--until", "organization/centralus")


def test_a_wrong_source_is_named_and_corrected(rig: Rig) -> None:
    replication(rig, source="us-west1")
    eventually(lambda: state(rig) == "error", 120, "the operator does not find the source")
    assert "must be the name of the Cassandra data center, dc-1" in reason(rig, "replication/centralus")


def test_a_node_that_is_killed_while_the_operator_copies_costs_no_row(rig: Rig) -> None:
    for ordinal in range(3):
        rig.nodetool("apigee-eastus", ordinal, "setinterdcstreamthroughput", "1")
    run = rig.start(
        "apply",
        str(rig.topology),
        "--yes",
        "--past-no-return",
        "--until",
        "replication/centralus",
        log="killed.log",
    )
    try:

        def streams() -> bool:
            assert run.poll() is None, (rig.directory / "killed.log").read_text()[-4000:]
            return any(e["document"].get("bytes") for e in rig.events("progress"))

        eventually(streams, 240, "bytes arrive")
        rig.kubectl(
            NEW, "delete", "pod", "apigee-cassandra-default-0", *FIELDS, "--grace-period=0", "--force"
        )
        for ordinal in range(3):
            rig.nodetool("apigee-eastus", ordinal, "setinterdcstreamthroughput", "0")
        run.wait(400)
    finally:
        run.kill()
        run.wait()
    said = (rig.directory / "killed.log").read_text()
    assert run.returncode in (0, 1), said[-4000:]
    assert run.returncode == 0 or "HS-APIGEE-04" in said, said[-4000:]


def test_the_seed_of_a_running_datastore_cannot_be_changed(rig: Rig) -> None:
    path = "/spec/components/cassandra/properties/multiRegionSeedHost"
    patch = json.dumps([{"op": "replace", "path": path, "value": "10.10.0.77"}])
    patched = ("patch", "apigeeds", "default", *FIELDS, "--type=json", "-p", patch)
    done = rig.run("kubectl", "--context", NEW, *patched, expect=None)
    assert done.returncode
    assert "multiRegionSeedHost cannot be changed" in done.stderr


def test_run_again_it_goes_on_and_every_row_is_proved(rig: Rig) -> None:
    rig.apply()
    result = json.loads(rig.hybridspan("verify", str(rig.topology), "--json").stdout)
    assert result["proved"] is True


def test_a_seed_that_was_left_in_is_told_and_taken_out(rig: Rig) -> None:
    overrides = rig.directory / "overrides_apigee-centralus.yaml"
    overrides.write_text(
        overrides.read_text().replace("  rack:", '  multiRegionSeedHost: "10.10.0.4"\n  rack:', 1)
    )
    assert "still names the seed" in reason(rig, "seed-out/centralus")
    rig.apply()
    assert "multiRegionSeedHost" not in overrides.read_text()
