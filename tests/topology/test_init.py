from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from hybridspan.cli import main
from hybridspan.cli.installation import from_azure, from_objects
from hybridspan.errors import EXIT_INPUT, EXIT_OK
from hybridspan.facts.azure import ClusterFacts, NetworkFacts, NodePoolFacts, RegionAzureFacts, SubnetFacts
from hybridspan.facts.kubernetes import ClusterObjects, NodeObjectFacts
from hybridspan.topology.loading import load
from hybridspan.topology.validation import examine

from .conftest import EXAMPLES, OVERRIDES

ANSWERS = (
    *("--organization", "hybrid-test-7", "--hybrid-version", "1.11.2"),
    *("--subscription", "5a7e0000-0000-4000-8000-000000000001", "--resource-group", "my-hybrid-rg"),
    *("--existing-region", "eastus", "--network-range", "10.40.0.0/20"),
)


def hybridspan(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return int(end.value.code or 0)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_file_that_it_writes_validates(tmp_path):
    (tmp_path / "overrides_apigee-eastus.yaml").write_text(OVERRIDES)
    assert hybridspan("init", *ANSWERS, "--add-region", "centralus") == EXIT_OK
    assert examine("hybrid.yaml").errors == ()
    assert hybridspan("validate") == EXIT_OK


def test_added_regions_get_networks_that_meet_nothing(tmp_path):
    hybridspan("init", *ANSWERS, "--add-region", "centralus", "--add-region", "westeurope=172.20.0.0/20")
    regions = load("hybrid.yaml").regions
    assert [r.datacenter for r in regions] == ["dc-1", "dc-2", "dc-3"]
    assert [str(r.network.address_prefixes[0]) for r in regions] == [
        "10.40.0.0/20",
        "10.16.0.0/20",
        "172.20.0.0/20",
    ]


def test_an_existing_file_is_overwritten_only_by_force(tmp_path):
    Path("hybrid.yaml").write_text("mine")
    assert hybridspan("init", *ANSWERS) == EXIT_INPUT
    assert Path("hybrid.yaml").read_text() == "mine"
    assert hybridspan("init", *ANSWERS, "--force") == EXIT_OK


def test_without_a_terminal_a_missing_answer_is_named(capsys):
    assert hybridspan("init", *ANSWERS[:-2]) == EXIT_INPUT
    assert "--network-range" in capsys.readouterr().err
    assert not Path("hybrid.yaml").exists()


@pytest.mark.parametrize("wrong", ["10.40.0.1/20", "everything", ","])
def test_an_answer_that_cannot_be_used_is_refused(wrong, capsys):
    assert hybridspan("init", *ANSWERS[:-1], wrong) == EXIT_INPUT
    assert "HS-TOPOLOGY-071" in capsys.readouterr().err


def test_answers_that_make_no_sense_together_are_refused_before_anything_is_written(capsys):
    assert hybridspan("init", *ANSWERS, "--add-region", "centralsu") == EXIT_INPUT
    assert 'did you mean "centralus"' in capsys.readouterr().err
    assert not Path("hybrid.yaml").exists()


def test_the_overrides_of_an_existing_installation_answer_most_questions(tmp_path):
    source = EXAMPLES / "two-regions" / "overrides_apigee-eastus.yaml"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mine.yaml").write_text(source.read_text().replace("dc-1", "eastus-dc"))
    given = (*ANSWERS[2:], "--overrides", "site/mine.yaml")
    assert hybridspan("init", "hybrid.yaml", *given) == EXIT_OK
    topology = load("hybrid.yaml")
    assert topology.organization == "hybrid-test-7"
    assert (topology.first.datacenter, topology.first.cluster.name) == ("eastus-dc", "apigee-eastus")
    assert topology.first.overrides == tmp_path / "site" / "mine.yaml"


def test_a_context_that_cannot_be_reached_is_told_and_its_questions_stay(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HYBRIDSPAN_ARM_ENDPOINT", "https://127.0.0.1:9")
    assert hybridspan("init", *ANSWERS, "--context", "nowhere") == EXIT_OK
    assert "the cluster could not be asked" in capsys.readouterr().err
    assert load("hybrid.yaml").first.cluster.context == "nowhere"


def test_azure_tells_ranges_plugin_and_pools(any_azure):
    known = from_azure(any_azure)
    assert known.answers["network-range"] == "10.1.0.0/16"
    assert known.answers["subnet-range"] == "10.1.0.0/20"
    assert known.answers["network-plugin"] == "azure-overlay"
    assert [(p.name, p.count) for p in known.pools] == [("apigeedata", 3)]


def test_the_nodes_labels_tell_region_and_pools():
    labels = {
        "agentpool": "apigeedata",
        "topology.kubernetes.io/region": "eastus",
        "node.kubernetes.io/instance-type": "D8",
    }
    nodes = tuple(NodeObjectFacts(f"n{i}", True, "10.1.0.4", labels) for i in range(3))
    known = from_objects(
        ClusterObjects("v1.31", nodes, frozenset(), None, None, (), (), ()), from_azure_nothing()
    )
    assert known.answers["existing-region"] == "eastus"
    assert [(p.name, p.count, p.vm_size) for p in known.pools] == [("apigeedata", 3, "D8")]


def from_azure_nothing():
    return from_azure(RegionAzureFacts(False, None, (), None))


@pytest.fixture
def any_azure() -> RegionAzureFacts:
    from ipaddress import IPv4Network

    subnet = SubnetFacts("/s", "nodes", (IPv4Network("10.1.0.0/20"),), None, "Succeeded")
    network = NetworkFacts(
        "/v", "vnet", "eastus", (IPv4Network("10.1.0.0/16"),), (subnet,), (), "", "Succeeded"
    )
    pool = NodePoolFacts("apigeedata", 3, "Standard_D8s_v5", "System", 30, ("1",), (), None, "Succeeded")
    cluster = ClusterFacts(
        id="/c",
        name="apigee-eastus",
        location="eastus",
        kubernetes_version="1.31",
        network_plugin="azure",
        network_plugin_mode="overlay",
        service_cidr=IPv4Network("10.0.0.0/16"),
        pod_cidr=None,
        node_pools=(pool,),
        provisioning_state="Succeeded",
        power_state="Running",
        node_resource_group="MC",
    )
    return RegionAzureFacts(True, network, (), cluster)


def test_on_a_terminal_it_asks_what_is_not_known_and_asks_again_after_a_wrong_answer(tmp_path):
    controller, terminal = pty.openpty()
    # name, mode, namespace, Cassandra cluster, factor, data center, rack, nodes (once wrong), network, subnet and its range,
    # cluster, service range, overrides, regions to add
    os.write(controller, b"\n\n\n\n\n\n\nmany\n3\n\n\n\n\n\n\ncentralus\n")
    done = subprocess.run(
        [sys.executable, "-m", "hybridspan", "init", *ANSWERS],
        stdin=terminal, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False,
    )  # fmt: skip
    os.close(terminal)
    os.close(controller)
    assert done.returncode == EXIT_OK, done.stderr
    assert "is no number of nodes" in done.stderr
    assert [r.name for r in load(tmp_path / "hybrid.yaml").regions] == ["eastus", "centralus"]
