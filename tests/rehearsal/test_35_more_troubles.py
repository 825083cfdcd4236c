"""A foreign certificate authority in the new region, and a full disk on a new node: each named before harm, and mended."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.rehearsal.rig import Rig, eventually, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(1500)]

NEW, OLD = "apigee-centralus", "apigee-eastus"
OVERRIDES = "overrides_apigee-centralus.yaml"
CLAIM = "cassandra-data-apigee-cassandra-default-1"
DISK_MEGABYTES = 40


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("two-regions") as rig:
        rig.hybridspan("lab", "fill", "--rows", "2000")
        yield rig


def members(rig: Rig) -> int:
    return rig.nodetool(OLD, 0, "status").count("UN  ")


def by_hand(rig: Rig, *arguments: str) -> None:
    """apigeectl in the new region, as a person runs it."""
    rig.run("kubectl", "config", "use-context", NEW)
    rig.run("apigeectl", *arguments, "-f", OVERRIDES)


def words(rig: Rig) -> str:
    done = rig.apply(expect=1)
    return done.stdout + done.stderr


def test_a_region_whose_controller_made_its_own_authority_is_named_and_nothing_is_harmed(rig: Rig) -> None:
    rig.hybridspan("apply", str(rig.topology), "--yes", expect=3)
    # The trap: the authority goes missing, everything installs well, and the controller has made another.
    rig.kubectl(NEW, "delete", "secret", "apigee-ca", "-n", "cert-manager")
    by_hand(rig, "apply", "--datastore")
    made = ("get", "secret", "apigee-ca", "-n", "cert-manager", "-o", "name")
    eventually(
        lambda: "apigee-ca" in rig.kubectl(NEW, *made, expect=None), 60, "the controller makes its own"
    )
    said = words(rig)
    assert "apigee-ca" in said
    assert "is not the first region's" in said
    assert members(rig) == 3


def test_the_documented_way_out_leads_on(rig: Rig) -> None:
    """The steps of docs/trust.md, one after the other."""
    by_hand(rig, "delete", "--datastore")
    rig.kubectl(NEW, "-n", "apigee", "delete", "pvc", "-l", "app=apigee-cassandra")
    assert "dc-2" not in rig.nodetool(OLD, 0, "status")
    rig.kubectl(NEW, "-n", "cert-manager", "delete", "secret", "apigee-ca")
    rig.kubectl(NEW, "-n", "apigee", "delete", "secret", "-l", "controller.cert-manager.io/fao=true")
    rig.hybridspan("apply", str(rig.topology), "--yes", expect=3)
    assert members(rig) == 3


def test_a_full_disk_on_a_new_node_is_named(rig: Rig) -> None:
    fault = {"kind": "small-disk", "cluster": NEW, "claim": CLAIM, "megabytes": DISK_MEGABYTES}
    rig.hybridspan("lab", "fault", json.dumps(fault))
    said = words(rig)
    errors = [e["document"]["error"] for e in rig.events("failed")]
    full = [e for e in errors if e["code"] in ("HS-APIGEE-023", "HS-CASS-021")]
    assert full, errors
    assert all("disk" in e["message"] and f"{e['code']} {e['message']}" in said for e in full), said[-3000:]
    assert "apigee-cassandra-default-1" in said


def test_with_room_it_goes_on_and_ends_proved(rig: Rig) -> None:
    """The node has never joined: its small volume goes, and the claim that is made anew has room."""
    fault = {"kind": "small-disk", "cluster": NEW, "claim": CLAIM, "megabytes": 2000}
    rig.hybridspan("lab", "fault", json.dumps(fault))
    rig.kubectl(NEW, "-n", "apigee", "delete", "pvc", CLAIM, "--wait=false")
    rig.kubectl(NEW, "-n", "apigee", "delete", "pod", "apigee-cassandra-default-1")
    rig.apply()
    rig.hybridspan("verify", str(rig.topology))
