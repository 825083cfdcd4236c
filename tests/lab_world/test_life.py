"""A lab begins and ends: what it leaves behind is nothing, whichever way it ended."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from click.testing import CliRunner

from hybridspan.cli.lab_faults import fault
from hybridspan.errors import InputError, PermanentFailure
from hybridspan.secrets import Secret
from hybridspan.topology import loading
from hybridspan_lab import control, examples
from hybridspan_lab.control import UpOptions
from hybridspan_lab.world.existing import ByHand
from hybridspan_lab.world.places import Places
from hybridspan_lab.world.process import worlds
from hybridspan_lab.world.record import Record, members


@pytest.fixture
def home(tmp_path):
    yield tmp_path / "lab"
    control.down(tmp_path / "lab")


@pytest.fixture
def lab(home):
    return control.up(UpOptions(home=home, bare=True))


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


def test_a_lab_that_is_up_answers(lab, home):
    assert control.status(home)["clusters"] == []


def test_down_leaves_no_process_and_no_folder(lab, home):
    assert control.down(home)
    assert worlds(home) == []
    assert members(lab.namespace) == []
    assert not home.exists()


def test_down_leaves_no_mount(lab, home):
    control.down(home)
    with open("/proc/self/mountinfo") as mounts:
        assert str(home) not in mounts.read()


@pytest.mark.parametrize("which", [0, 1, 2])
def test_the_death_of_any_root_process_ends_everything(lab, home, which):
    os.kill(sorted(worlds(home))[which], signal.SIGKILL)
    until(lambda: not members(lab.namespace))


def test_down_cleans_up_after_a_crash(lab, home):
    os.kill(lab.pid, signal.SIGKILL)
    assert control.down(home)
    assert worlds(home) == []
    assert members(lab.namespace) == []
    assert not home.exists()
    with open("/proc/self/mountinfo") as mounts:
        assert str(home) not in mounts.read()


def test_up_begins_anew_after_a_crash(lab, home):
    os.kill(lab.pid, signal.SIGKILL)
    until(lambda: not members(lab.namespace))
    assert control.up(UpOptions(home=home, bare=True)).namespace != ""


def test_two_labs_do_not_share_a_home(lab, home):
    with pytest.raises(InputError) as refusal:
        control.up(UpOptions(home=home, bare=True))
    assert refusal.value.code == "HS-LAB-026"


def test_on_a_machine_that_never_had_a_lab_no_home_is_taken(home, tmp_path, monkeypatch):
    monkeypatch.setenv("HYBRIDSPAN_CACHE", str(tmp_path / "not" / "yet"))
    assert not control.is_taken(home)


@pytest.mark.parametrize(("regions", "keyspaces"), [(3, "installed"), (0, "installed"), (2, "simple")])
def test_an_estate_that_cannot_be_is_refused_before_anything_starts(home, regions, keyspaces):
    with pytest.raises(InputError) as refusal:
        control.up(UpOptions(home=home, regions=regions, system_keyspaces=keyspaces))
    assert refusal.value.code == "HS-LAB-036"
    assert refusal.value.hint
    assert Record.read(Places(home).record) is None


def test_clusters_of_one_name_are_refused_before_anything_starts(home, tmp_path):
    folder = tmp_path / "work"
    shutil.copytree(examples.example_directory("two-regions"), folder)
    topology = folder / "hybrid.yaml"
    text = topology.read_text().replace(
        "    - name: centralus\n", "    - name: centralus\n      resourceGroup: other-rg\n"
    )
    topology.write_text(text.replace("name: apigee-centralus", "name: apigee-eastus"))
    with pytest.raises(InputError) as refusal:
        control.up(UpOptions(home=home, topology=topology, bare=True))
    assert (refusal.value.code, "apigee-eastus" in refusal.value.message) == ("HS-LAB-036", True)


def test_a_proxy_of_the_person_s_is_not_asked_however_it_is_written(lab, home):
    set_ = control.environment(home)
    assert set_["https_proxy"] == set_["HTTPS_PROXY"]
    assert set_["no_proxy"] == set_["NO_PROXY"] == "localhost,127.0.0.1"


def test_a_folder_with_other_things_is_left_alone(home):
    home.mkdir()
    (home / "precious").write_text("mine")
    with pytest.raises(InputError) as refusal:
        control.up(UpOptions(home=home, bare=True))
    assert refusal.value.code == "HS-LAB-029"
    assert not control.down(home)
    assert (home / "precious").exists()


def test_nothing_can_be_asked_where_no_lab_is(home):
    with pytest.raises(PermanentFailure) as failure:
        control.status(home)
    assert failure.value.code == "HS-LAB-027"


def test_a_shell_understands_the_exports(lab, home):
    script = f'{control.exports(home)}\nprintf %s "$AZURE_CLIENT_SECRET"'
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == control.environment(home)["AZURE_CLIENT_SECRET"]


def test_the_secret_is_in_no_export_and_in_no_argument(lab, home):
    secret = control.environment(home)["AZURE_CLIENT_SECRET"]
    said = control.exports(home)
    assert secret not in said
    assert "-p $AZURE" not in said
    assert f"-p @{Places(home).client_secret} " in said
    # az takes the file's content as it is: a newline would be part of the password.
    assert Places(home).client_secret.read_text() == secret


def test_the_notes_lead_cqlsh_into_the_pod_where_the_certificates_are(lab, home):
    (note,) = (line for line in control.exports(home).splitlines() if line.startswith("# cqlsh:"))
    assert "kubectl exec -it -n apigee apigee-cassandra-default-0 -- cqlsh -u ddl_user --ssl" in note


def test_the_notes_are_for_the_namespace_that_the_topology_names(tmp_path):
    home, folder = tmp_path / "lab", tmp_path / "work"
    shutil.copytree(examples.example_directory("two-regions"), folder)
    topology = folder / "hybrid.yaml"
    topology.write_text(topology.read_text().replace("namespace: apigee\n", "namespace: gateways\n"))
    try:
        control.up(UpOptions(home=home, topology=topology, bare=True))
        # What somebody does to the file afterwards does not change the lab that runs.
        topology.write_text("")
        notes = [line for line in control.exports(home).splitlines() if line.startswith("# ")]
    finally:
        control.down(home)
    assert sum(" -n gateways " in note for note in notes) == 3
    assert not [note for note in notes if "-n apigee" in note]


def test_a_lab_of_ones_own_topology_knows_its_subscriptions_and_no_others(tmp_path):
    home, folder = tmp_path / "lab", tmp_path / "work"
    shutil.copytree(examples.example_directory("two-regions"), folder)
    topology = folder / "hybrid.yaml"
    own = "6b1f6471-1bf0-4dda-aec3-cb9272f09590"
    topology.write_text(topology.read_text().replace("5a7e0000-0000-4000-8000-000000000001", own))
    region = loading.load(topology).first
    stranger = replace(region, subscription=own.replace("6", "7"))
    try:
        record = control.up(UpOptions(home=home, topology=topology, bare=True))
        assert control.environment(home)["AZURE_SUBSCRIPTION_ID"] == own
        asyncio.run(make_network(Places(home), record, region))
        with pytest.raises(PermanentFailure) as refused:
            asyncio.run(make_network(Places(home), record, stranger))
    finally:
        control.down(home)
    assert "SubscriptionNotFound" in refused.value.why


async def make_network(places, record, region):
    secret = Secret(places.client_secret.read_text())
    async with ByHand(record.arm, places.authority, secret) as azure:
        await azure.networks([region])


def test_up_tells_how_to_reach_the_very_lab_that_it_started(home, monkeypatch):
    """As a person types it, with a home that only this command was given."""
    told = subprocess.run(
        [sys.executable, "-m", "hybridspan", "lab", "up", "--bare"],
        env={**os.environ, "HYBRIDSPAN_LAB_HOME": str(home)},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    monkeypatch.delenv("HYBRIDSPAN_LAB_HOME", raising=False)
    use, end = (re.search(pattern, told)[1] for pattern in (r"to use it:  (.*)", r"to end it:  (.*)"))
    said = subprocess.run(
        ["sh", "-c", f'{use}; echo "$KUBECONFIG"'], capture_output=True, text=True, check=True
    )
    assert said.stdout == f"{Places(home).kubeconfig}\n"
    subprocess.run(["sh", "-c", end], check=True)
    assert not home.exists()


def test_secrets_are_their_owners_alone(lab, home):
    places = Places(home)
    assert places.client_secret.stat().st_mode & 0o077 == 0
    assert places.kubeconfig.stat().st_mode & 0o077 == 0


def test_a_home_with_a_long_path_has_short_sockets(tmp_path):
    assert len(os.fsencode(Places(tmp_path / ("x" * 200)).control)) < 100


def test_a_fault_is_set_and_cleared(lab, home):
    assert control.fault({"kind": "429", "method": "PUT"}, home)["faults"][0]["kind"] == "429"
    assert control.fault({"clear": None}, home)["faults"] == []


def test_azure_s_faults_have_options_of_their_own(lab, home, monkeypatch):
    monkeypatch.setenv("HYBRIDSPAN_LAB_HOME", str(home))
    found = faults("azure", "slow", "--on", "peering.put", "--nth", "2", "--seconds", "3")
    assert [(f["kind"], f["method"], f["nth"], f["seconds"]) for f in found] == [("slow", "PUT", 2, 3.0)]
    assert faults("azure") == found
    assert len(faults('{"kind": "429"}')) == 2
    assert faults("azure", "--clear") == []


@pytest.mark.parametrize("words", [("azure", "meteor"), ("azure", "429", "--on", "moon.put")])
def test_a_fault_that_does_not_exist_is_refused_with_those_that_do(lab, home, monkeypatch, words):
    monkeypatch.setenv("HYBRIDSPAN_LAB_HOME", str(home))
    with pytest.raises(PermanentFailure, match=r"there are|it is one of"):
        CliRunner().invoke(fault, words, catch_exceptions=False)


def faults(*words):
    done = CliRunner().invoke(fault, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.output)["faults"]
