"""What `plan --export manifests` writes: whole documents, in waves, with nothing secret."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from hybridspan.apigee.manifests import exported
from hybridspan.apigee.overrides import document_of
from hybridspan.apigee.overrides_edits import with_seed
from hybridspan.errors import InputError
from hybridspan.plan.build import build
from hybridspan.plan.model import StepId, done, needed
from hybridspan.topology.loading import load
from hybridspan.topology.model import Topology
from tests.plan_cassandra.world import AFTER, BEFORE, ring, two_regions

from .world import apigee, release, store, with_helm, world

EXAMPLE = Path(__file__).parents[2] / "examples" / "two-regions"
SEED = "120.38.1.9"


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    shutil.copytree(EXAMPLE, tmp_path / "o")
    overrides = tmp_path / "o" / "overrides_apigee-eastus.yaml"
    kept = [line for line in overrides.read_text().splitlines(keepends=True) if "password" not in line]
    overrides.write_text("".join(kept))
    return with_helm(load(tmp_path / "o" / "hybrid.yaml"))


@pytest.fixture
def files(topology: Topology) -> dict[str, str]:
    facts = world(topology, ring(BEFORE, "dc-1"), apigee(definitions={}))
    return exported(build(topology, facts), topology, facts)


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def of_kind(files: dict[str, str], kind: str) -> list[Any]:
    documents = [read(text) for name, text in files.items() if name.endswith(".yaml")]
    return [d for d in documents if d.get("kind") == kind]


def wave(document: Any) -> int:
    return int(document["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"])


def test_every_release_is_an_application_and_a_helm_release(files: dict[str, str]):
    names = {
        "operator",
        "datastore",
        "telemetry",
        "redis",
        "ingress-manager",
        "my-org",
        "env-release",
        "group-release",
    }
    applications = of_kind(files, "Application")
    assert {a["spec"]["source"]["helm"]["releaseName"] for a in applications} == names
    assert {r["spec"]["releaseName"] for r in of_kind(files, "HelmRelease")} == names
    assert {a["spec"]["source"]["targetRevision"] for a in applications} == {"1.16.0"}


def test_the_waves_are_the_order_that_is_right(files: dict[str, str]):
    waves = {a["spec"]["source"]["chart"]: wave(a) for a in of_kind(files, "Application")}
    waves["replication"] = wave(of_kind(files, "CassandraDataReplication")[0])
    order = ["operator", "datastore", "ingress-manager", "org", "replication", "env", "virtualhost"]
    found = [waves.get(f"apigee-{name}", waves.get(name)) for name in order]
    assert found == sorted(found)  # type: ignore[type-var]
    assert len(set(waves.values())) == len(waves)


def test_a_chart_that_is_installed_for_each_says_for_which(files: dict[str, str]):
    (application,) = (
        a for a in of_kind(files, "Application") if a["spec"]["source"]["chart"] == "apigee-env"
    )
    assert application["spec"]["source"]["helm"]["parameters"] == [{"name": "env", "value": "test"}]
    (release,) = (r for r in of_kind(files, "HelmRelease") if r["spec"]["releaseName"] == "env-release")
    assert release["spec"]["values"] == {"env": "test"}


def test_flux_installs_one_after_the_other(files: dict[str, str]):
    releases = of_kind(files, "HelmRelease")
    assert [r["metadata"]["name"] for r in releases if "dependsOn" not in r["spec"]] == ["operator"]


def test_flux_holds_every_release_until_a_person_resumes_it_in_its_place(files: dict[str, str]):
    """Nothing of Flux's knows the proof; the runtime must not start before it."""
    releases = of_kind(files, "HelmRelease")
    assert {r["spec"].get("suspend") for r in releases} == {True}
    lines = files["centralus/order.md"].splitlines()
    resumed = {
        r["metadata"]["name"]: lines.index(line)
        for r in releases
        for line in lines
        if f"`flux resume helmrelease {r['metadata']['name']} -n {r['metadata']['namespace']} " in line
        and line.startswith("|")
    }
    assert len(resumed) == len(releases)
    acts = {
        step: next(n for n, line in enumerate(lines) if f"| `{step}/centralus` |" in line)
        for step in ("crds", "system-keyspaces", "replication", "verify", "verify-again")
    }
    assert resumed.keys() == {r["spec"]["releaseName"] for r in releases}
    assert acts["crds"] < resumed["operator"] < resumed["datastore"] < acts["system-keyspaces"]
    assert acts["system-keyspaces"] < resumed["my-org"] < acts["replication"] < acts["verify"]
    runtime = ("env-release", "group-release", "telemetry", "redis")
    assert all(resumed[name] > acts["verify-again"] for name in runtime)


def test_the_values_are_those_that_a_run_would_write_with_the_seed(files: dict[str, str]):
    values = read(files["centralus/values.yaml"])
    assert values["cassandra"]["datacenter"] == "dc-2"
    assert values["cassandra"]["multiRegionSeedHost"] == SEED
    (config,) = of_kind(files, "ConfigMap")
    assert read(config["data"]["values.yaml"]) == values


def test_the_order_names_what_no_controller_can_do(files: dict[str, str]):
    order = files["centralus/order.md"]
    places = [
        order.index(f"`{step}/centralus`")
        for step in (
            "authority",
            "operator",
            "datastore",
            "system-keyspaces",
            "replication",
            "verify",
            "seed-out",
        )
    ]
    assert places == sorted(places)
    assert "etc/crds/default" in order
    assert not re.search(r"\bNone\b", order)


def test_passwords_are_never_exported(topology: Topology):
    path = topology.first.overrides
    path.write_text(path.read_text().replace("  auth:\n", "  auth:\n    ddl: {password: hush}\n", 1))
    facts = world(topology, ring(BEFORE, "dc-1"), apigee())
    with pytest.raises(InputError, match=r"HS-PLAN-006.*ddl\.password") as caught:
        exported(build(topology, facts), topology, facts)
    assert "hush" not in str(caught.value)


def test_what_was_commented_out_is_never_exported(topology: Topology):
    path = topology.first.overrides
    remarked = path.read_text().replace(
        "  auth:\n", "  auth:  # it was hush\n    # ddl: {password: hush}\n", 1
    )
    path.write_text(f"{remarked}# axHashSalt: hush\n")
    facts = world(topology, ring(BEFORE, "dc-1"), apigee())
    files = exported(build(topology, facts), topology, facts)
    assert not [name for name, text in files.items() if "hush" in text]
    assert read(files["centralus/values.yaml"])["cassandra"]["clusterName"] == "apigeecluster"


def test_a_folder_of_this_machine_is_no_address_for_a_controller(topology: Topology):
    topology = replace(topology, charts="/charts")
    facts = world(topology, ring(BEFORE, "dc-1"), apigee())
    files = exported(build(topology, facts), topology, facts)
    assert not [name for name, text in files.items() if "/charts" in text and not name.endswith("order.md")]


def test_with_apigeectl_there_are_none():
    topology = two_regions()
    facts = world(with_helm(), ring(BEFORE, "dc-1"))
    with pytest.raises(InputError, match="HS-PLAN-007"):
        exported(build(topology, facts), topology, facts)


def test_a_pair_of_other_regions_stands_in_no_order_though_their_names_hold_the_regions(
    topology: Topology,
) -> None:
    facts = world(topology, ring(BEFORE, "dc-1"), apigee(definitions={}))
    plan = build(topology, facts)
    own = plan.step(StepId("peering/eastus+centralus"))
    others = replace(own, id=StepId("peering/northcentralus+centralus2"), region="centralus2")
    order = exported(replace(plan, steps=(*plan.steps, others)), topology, facts)["centralus/order.md"]
    assert f"`{own.id}`" in order
    assert others.id not in order


def again(topology: Topology, live: str | None, *, joined: bool, proved: bool) -> dict[str, str]:
    """A second export, where operator and datastore have had their waves."""
    releases = (release("operator"), release("datastore"), release("ingress-manager", status="failed"))
    own = apigee(*releases, datastore=replace(store(), seed_host=live))
    seen = ring(AFTER, "dc-1", "dc-2") if joined else ring(BEFORE, "dc-1")
    facts = world(topology, seen, own)
    plan = build(topology, facts)
    if proved:
        verified = replace(plan.step("verify/centralus"), decision=done("proved"))
        plan = replace(plan, steps=tuple(verified if s.id == verified.id else s for s in plan.steps))
    return exported(plan, topology, facts)


def test_an_export_that_is_made_again_suspends_nothing_that_is_deployed(topology: Topology):
    files = again(topology, SEED, joined=True, proved=False)
    suspended = {r["spec"]["releaseName"]: r["spec"].get("suspend") for r in of_kind(files, "HelmRelease")}
    assert {name for name, held in suspended.items() if held is None} == {"operator", "datastore"}
    assert set(suspended.values()) == {None, True}
    order = files["centralus/order.md"]
    assert "flux resume helmrelease datastore " not in order
    assert "flux resume helmrelease ingress-manager " in order


@pytest.mark.parametrize(
    ("live", "joined", "proved", "expected"),
    [
        ("10.9.9.9", False, False, "10.9.9.9"),
        ("10.9.9.9", True, False, "10.9.9.9"),
        ("10.9.9.9", True, True, None),
        (None, True, True, None),
        (None, False, False, SEED),
    ],
)
def test_a_datastore_that_runs_keeps_its_seed_until_the_proof(
    topology: Topology, live: str | None, joined: bool, proved: bool, expected: str | None
):
    """Nothing holds a deployed release back: Flux applies what the values say."""
    values = read(again(topology, live, joined=joined, proved=proved)["centralus/values.yaml"])
    assert values["cassandra"].get("multiRegionSeedHost") == expected


def test_a_seed_that_was_left_in_the_file_is_not_exported_after_the_proof(topology: Topology):
    own = document_of(topology, topology.new_regions[0], partial(with_seed, address="10.9.9.9"))
    topology.new_regions[0].overrides.write_text(own.text)
    values = read(again(topology, None, joined=True, proved=True)["centralus/values.yaml"])
    assert "multiRegionSeedHost" not in values["cassandra"]


def test_the_order_of_a_refused_plan_says_so_before_anything_else(topology: Topology):
    facts = world(topology, ring(BEFORE, "dc-1"), apigee(definitions={}))
    plan = build(topology, facts)
    reason = plan.refusals[0]
    head = exported(plan, topology, facts)["centralus/order.md"].splitlines()[:5]
    assert head[2].startswith("**This plan is refused: do not carry it out.**")
    assert head[4] == f"- {reason}"


def test_the_order_of_a_plan_that_may_be_done_says_nothing_of_a_refusal(topology: Topology):
    facts = world(topology, ring(BEFORE, "dc-1"), apigee(definitions={}))
    plan = build(topology, facts)
    allowed = tuple(
        replace(s, decision=needed("x")) if s.decision.state == "refused" else s for s in plan.steps
    )
    assert "refused:" not in exported(replace(plan, steps=allowed), topology, facts)["centralus/order.md"]
