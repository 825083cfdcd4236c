"""What a person meets with Helm and the operator: each has a name, and the next run goes on. One lab, in this order."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.failure_table import as_written
from tests.rehearsal.rig import Rig, eventually, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(1500)]

NEW = "apigee-centralus"
ORGANIZATION = "hybrid-test-7-a69bd24"
FIELDS = ("-n", "apigee")
HANDSHAKE = re.compile(r"PKIX path|CERTIFICATE_VERIFY_FAILED|Failed to (?:properly )?handshake|unknown_ca")


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
    return str(rig.step(step)["reason"])


def by_hand(rig: Rig, release: str, *more: str) -> subprocess.CompletedProcess[str]:
    """`helm upgrade --install` as a person types it, without waiting."""
    chart = str(rig.charts / f"apigee-{release}")
    values = ("-f", str(rig.directory / "overrides_apigee-centralus.yaml"))
    where = (*FIELDS, "--kube-context", NEW)
    return rig.run("helm", "upgrade", release, chart, "--install", *where, *values, *more, expect=None)


def authority(rig: Rig, context: str) -> dict[str, str]:
    """The data of `apigee-ca` in a cluster; empty where there is none."""
    get = ("get", "secret", "apigee-ca", "-n", "cert-manager", "--ignore-not-found", "-o", "json")
    found: dict[str, str] = json.loads(rig.kubectl(context, *get) or "{}").get("data", {})
    return found


def logged(rig: Rig, pod: str, *previous: str) -> str:
    """A container's last words; empty where it has said none."""
    return rig.kubectl(NEW, "logs", pod, *FIELDS, *previous, "--tail=400", expect=None)


def test_an_operator_that_was_installed_before_its_definitions_is_named_and_mended(rig: Rig) -> None:
    """By hand, and beside an authority that is not the ring's: one run sees to both."""
    rig.apply("--until", "ports")
    rig.apply("--until", "crds/centralus")
    rig.kubectl(NEW, "delete", "-k", str(rig.charts / "apigee-operator/etc/crds/default"))
    rig.kubectl(NEW, "delete", "secret", "apigee-ca", "-n", "cert-manager")
    installed = by_hand(rig, "operator")
    assert installed.returncode == 0, installed.stderr
    controller = ("get", "pods", "-l", "app=apigee-controller", *FIELDS, "-o", "json")

    def crashed() -> str:
        pods = json.loads(rig.kubectl(NEW, *controller))["items"]
        names = [
            pod["metadata"]["name"]
            for pod in pods
            for container in (pod.get("status") or {}).get("containerStatuses") or []
            if container["restartCount"]
        ]
        return names[0] if names else ""

    pod = eventually(crashed, 120, "the operator ends without its definitions")
    assert 'no matches for kind \\"ApigeeDatastore\\"' in logged(rig, pod, "--previous")
    made = eventually(lambda: authority(rig, NEW), 60, "cert-manager has made another authority")
    assert made != authority(rig, "apigee-eastus")
    assert as_written("the operator was installed before the CRDs", 1, reason(rig, "crds/centralus"))
    told = reason(rig, "operator/centralus")
    assert as_written("the operator was installed before the CRDs", 2, told)
    assert "no matches for kind" in told
    assert as_written("an operator that found no", 1, reason(rig, "authority/centralus"))
    rig.apply("--until", "operator/centralus")
    assert authority(rig, NEW) == authority(rig, "apigee-eastus")
    assert rig.step("operator/centralus")["state"] == "done"


def test_an_operator_that_is_down_is_named_and_brought_back(rig: Rig) -> None:
    """By hand nothing can be applied without its webhook; the next run sees to the operator first."""
    rig.kubectl(NEW, "scale", "deployment", "apigee-controller-manager", *FIELDS, "--replicas=0")
    gone = ("wait", "pod", "-l", "app=apigee-controller", *FIELDS, "--for=delete", "--timeout=60s")
    rig.kubectl(NEW, *gone)
    done = by_hand(rig, "datastore")
    assert done.returncode
    assert "apigee-webhook-service" in done.stderr
    assert as_written("the webhook has no endpoints", 1, reason(rig, "operator/centralus"))
    rig.apply("--until", "operator/centralus")


def test_an_authority_that_was_copied_too_late_is_told_and_the_way_back_works(rig: Rig) -> None:
    """The nodes start with certificates of an authority that the cluster made itself; copying the right one mends nothing."""
    rig.kubectl(NEW, "delete", "secret", "apigee-ca", "-n", "cert-manager")
    right = authority(rig, "apigee-eastus")
    eventually(lambda: authority(rig, NEW), 60, "cert-manager has made another authority")
    get = ("get", "pod", "apigee-cassandra-default-0", *FIELDS, "-o", "jsonpath={.status.podIP}")
    seed = rig.kubectl("apigee-eastus", *get)
    installed = by_hand(rig, "datastore", "--set", f"cassandra.multiRegionSeedHost={seed}")
    assert installed.returncode == 0, installed.stderr

    def refused() -> bool:
        words = "".join(logged(rig, f"apigee-cassandra-default-{n}") for n in range(3))
        return bool(HANDSHAKE.search(words))

    eventually(refused, 180, "the ring refuses the new nodes")
    assert as_written("an operator that found no", 2, reason(rig, "authority/centralus"))
    done = rig.apply(expect=None)
    assert done.returncode
    assert "and a datastore already uses it" in done.stdout + done.stderr

    copied = json.loads(
        rig.kubectl("apigee-eastus", "get", "secret", "apigee-ca", "-n", "cert-manager", "-o", "json")
    )
    copied["metadata"] = {"name": "apigee-ca", "namespace": "cert-manager"}
    rig.kubectl(NEW, "replace", "-f", "-", stdin=json.dumps(copied))
    assert authority(rig, NEW) == right
    late = rig.step("authority/centralus")
    assert late["state"] == "refused"
    assert as_written("the right CA was copied", 1, late["reason"])
    assert "forceDelete" in late["hint"]
    assert "dc-2" not in rig.nodetool("apigee-eastus", 0, "status")

    rig.run("helm", "uninstall", "datastore", *FIELDS, "--kube-context", NEW)
    forced = json.dumps({"spec": {"forceDelete": True}})
    rig.kubectl(NEW, "patch", "apigeeds", "default", *FIELDS, "--type=merge", "-p", forced)
    rig.kubectl(NEW, "wait", "apigeeds/default", *FIELDS, "--for=delete", "--timeout=120s")
    # Kubernetes lets a claim that was in use go a moment after its pod.
    eventually(lambda: not rig.kubectl(NEW, "get", "pvc", *FIELDS, "-o", "name"), 60, "the claims are gone")
    assert "issued anew" in reason(rig, "authority/centralus")
    rig.apply("--until", "datastore/centralus")
    assert rig.nodetool("apigee-eastus", 0, "status").count("\nUN ") == 6


def test_a_replication_before_the_organization_is_mended_by_the_next_run(rig: Rig) -> None:
    rig.apply("--until", "system-keyspaces/centralus")
    replication(rig, organization="hybrid-test-7")
    eventually(lambda: state(rig) == "error", 60, "the operator refuses the resource")
    assert "HS-APIGEE-043" in rig.hybridspan("status", str(rig.topology)).stdout
    told = reason(rig, "replication/centralus")
    assert as_written("the replication was made before the organization", 1, told)
    assert ORGANIZATION in told
    rig.apply("--until", "organization/centralus")


def test_a_wrong_source_is_named_and_corrected(rig: Rig) -> None:
    replication(rig, source="us-west1")
    eventually(lambda: state(rig) == "error", 120, "the operator does not find the source")
    assert as_written("is a cloud region", 1, reason(rig, "replication/centralus"))
    seen = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)["regions"][1]
    assert seen["replication"]["cause"]["code"] == "HS-APIGEE-040"
    assert "dc-1, dc-2" in seen["replication"]["cause"]["why"]


def restart(rig: Rig) -> None:
    """The operator dies and comes back; its Deployment makes another pod."""
    label = ("-l", "app=apigee-controller", *FIELDS)
    old = rig.kubectl(NEW, "get", "pods", *label, "-o", "name").strip()
    rig.kubectl(NEW, "delete", *label, "pod", "--grace-period=0", "--force")

    def another() -> bool:
        pods = json.loads(rig.kubectl(NEW, "get", "pods", *label, "-o", "json"))["items"]
        ready = [
            f"pod/{p['metadata']['name']}"
            for p in pods
            for c in (p.get("status") or {}).get("conditions") or []
            if (c["type"], c["status"]) == ("Ready", "True")
        ]
        return bool(ready) and old not in ready

    eventually(another, 90, "another pod of the operator is ready")


def codes(rig: Rig, after: int) -> list[str]:
    """Codes that the run met since, in order: of what it tried again, of what it began anew, and of what ended it."""
    documents = [e["document"] for e in rig.events(after=after)]
    found = [(d.get("error") or {}).get("code") or d.get("code") for d in documents]
    return [str(code) for code in found if str(code).startswith("HS-")]


def test_an_operator_and_a_node_that_are_killed_while_it_copies_cost_no_row(rig: Rig) -> None:
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
        restart(rig)
        before = rig.events()[-1]["sequence"]
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
    told = [str(e["document"].get("text", "")) for e in rig.events("progress")]
    assert any("region-expansion has ended: HS-APIGEE-040" in text for text in told)
    assert "HS-APIGEE-046" in codes(rig, after=before), said[-4000:]
    assert run.returncode == 0, said[-4000:]


def test_the_seed_of_a_running_datastore_cannot_be_changed(rig: Rig) -> None:
    path = "/spec/components/cassandra/properties/multiRegionSeedHost"
    patch = json.dumps([{"op": "replace", "path": path, "value": "10.10.0.77"}])
    patched = ("patch", "apigeeds", "default", *FIELDS, "--type=json", "-p", patch)
    done = rig.run("kubectl", "--context", NEW, *patched, expect=None)
    assert done.returncode
    assert "multiRegionSeedHost cannot be changed" in done.stderr
    overrides = rig.directory / "overrides_apigee-centralus.yaml"
    changed = re.sub(r"(multiRegionSeedHost:).*", r"\1 10.10.0.77", overrides.read_text())
    assert "10.10.0.77" in changed
    overrides.write_text(changed)
    assert as_written("the seed was changed while the datastore runs", 1, reason(rig, "seed/centralus"))


def test_run_again_it_goes_on_and_every_row_is_proved(rig: Rig) -> None:
    rig.apply()
    assert rig.is_proved()


def test_a_seed_that_was_left_in_is_told_and_taken_out(rig: Rig) -> None:
    overrides = rig.directory / "overrides_apigee-centralus.yaml"
    overrides.write_text(
        overrides.read_text().replace("  rack:", '  multiRegionSeedHost: "10.10.0.4"\n  rack:', 1)
    )
    assert as_written("the seed was left in", 1, reason(rig, "seed-out/centralus"))
    rig.apply()
    assert "multiRegionSeedHost" not in overrides.read_text()
