"""Troubles that a person meets, each with an error that names it, before or without harm."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator

import pytest

from tests.rehearsal.rig import Rig, eventually, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("two-regions") as rig:
        rig.hybridspan("lab", "fill", "--rows", "60000")
        yield rig


def refusal(rig: Rig) -> str:
    """The error that apply ends with, without the plan before it, which itself names a great deal."""
    return rig.apply(expect=1).stderr.split("Error HS-")[1]


def changed_secret(rig: Rig, key: str, value: str) -> str:
    """Replace one key of the credentials secret; the value that it had, still encoded."""
    get = ("get", "secret", "apigee-datastore-default-creds", "-n", "apigee", "-o", "json")
    before: str = json.loads(rig.kubectl("apigee-eastus", *get))["data"][key]
    patch = json.dumps({"data": {key: value}})
    rig.kubectl(
        "apigee-eastus", "patch", "secret", "apigee-datastore-default-creds", "-n", "apigee", "-p", patch
    )
    return before


@pytest.mark.parametrize("user", ["admin", "ddl", "dml"])
def test_a_wrong_database_password_is_named_before_any_change(rig: Rig, user: str) -> None:
    """Of the two users that a run logs in as, and of the one that the runtime is."""
    before = changed_secret(rig, f"{user}.password", base64.b64encode(b"not-it").decode())
    try:
        said = refusal(rig)
    finally:
        changed_secret(rig, f"{user}.password", before)
    assert f"{user}_user" in said
    assert rig.events("acting") == []


def test_an_authority_that_is_missing_or_made_anew_is_named_before_any_change(rig: Rig) -> None:
    """cert-manager makes a deleted one again, under the same name and with another key: copied, no new node could join."""
    authority = json.loads(
        rig.kubectl("apigee-eastus", "get", "secret", "apigee-ca", "-n", "cert-manager", "-o", "json")
    )
    rig.kubectl("apigee-eastus", "delete", "secret", "apigee-ca", "-n", "cert-manager")
    try:
        said = refusal(rig)
    finally:
        old = {name: authority[name] for name in ("apiVersion", "kind", "type", "data")}
        annotations = authority["metadata"].get("annotations", {})
        old["metadata"] = {"name": "apigee-ca", "namespace": "cert-manager", "annotations": annotations}
        put_back = ("apply", "--server-side", "--force-conflicts", "-f", "-")
        rig.kubectl("apigee-eastus", *put_back, stdin=json.dumps(old))
    assert "apigee-ca" in said
    assert rig.events("acting") == []


def test_a_wrong_data_center_name_is_named_before_any_change(rig: Rig) -> None:
    text = rig.topology.read_text()
    rig.topology.write_text(text.replace("datacenter: dc-1", "datacenter: DC-1"))
    try:
        said = rig.apply(expect=2).stderr
    finally:
        rig.topology.write_text(text)
    assert "HS-TOPOLOGY-052" in said
    assert "the topology has `DC-1` for eastus" in said
    assert rig.events("acting") == []


def test_a_peering_cut_while_data_streams_is_noticed_within_two_minutes(rig: Rig) -> None:
    rig.apply("--until", "data-keyspaces")
    for ordinal in range(3):
        rig.nodetool("apigee-eastus", ordinal, "setinterdcstreamthroughput", "1")
    run = rig.start("apply", str(rig.topology), "--yes", "--past-no-return", log="cut.log")
    try:
        eventually(
            lambda: any(e["document"].get("bytes") for e in rig.events("progress")), 240, "bytes arrive"
        )
        peering = ("network", "vnet", "peering", "delete", "--resource-group", "my-hybrid-rg")
        names = [e["document"] for e in rig.events("arm")]
        name = next(
            m[1]
            for d in names
            if (m := re.search(r"my-hybrid-rg-vnet/virtualNetworkPeerings/([^/?']+)", str(d)))
        )
        rig.az(*peering, "--vnet-name", "my-hybrid-rg-vnet", "--name", name)
        eventually(lambda: run.poll() is not None, 120, "apply ends after the cut")
    finally:
        run.kill()
        run.wait()
    assert run.returncode == 1
    error = rig.events("failed")[-1]["document"]["error"]
    assert error["code"] == "HS-CASS-020"
    assert re.search(
        r"apigee-cassandra-default-\d .* the peering between centralus and eastus", error["message"]
    )


def test_run_again_it_mends_the_peering_and_ends_proved(rig: Rig) -> None:
    for ordinal in range(3):
        rig.nodetool("apigee-eastus", ordinal, "setinterdcstreamthroughput", "0")
    rig.apply()
    rig.hybridspan("verify", str(rig.topology))
