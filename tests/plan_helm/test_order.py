"""The order that is right, and what the plan shows of it."""

from __future__ import annotations

import re
import subprocess

import pytest

from hybridspan.plan.build import build
from hybridspan.plan.export import export
from hybridspan.plan.model import Plan
from tests.plan_cassandra.world import BEFORE, ring

from .world import KMS, apigee, three_with_helm, with_helm, world

REGION = "centralus"


def planned(**changes: object) -> Plan:
    topology = with_helm(**changes)
    return build(topology, world(topology, ring(BEFORE, "dc-1"), apigee(definitions={})))


def order(plan: Plan, *ids: str) -> list[int]:
    found = [s.id for s in plan.steps]
    return [found.index(step) for step in ids]  # type: ignore[arg-type]


def test_the_operator_copies_once_the_organization_exists():
    places = order(
        planned(),
        "simple-keyspaces/eastus",
        f"authority/{REGION}",
        f"cert-manager/{REGION}",
        f"crds/{REGION}",
        f"operator/{REGION}",
        f"datastore/{REGION}",
        f"auth-keyspace/{REGION}",
        f"system-keyspaces/{REGION}",
        f"organization/{REGION}",
        f"replication/{REGION}",
        f"verify/{REGION}",
        f"seed-out/{REGION}",
        f"verify-again/{REGION}",
        f"release/{REGION}/env/test",
        f"release/{REGION}/virtualhost/test",
        f"runtime/{REGION}",
    )
    assert places == sorted(places)


def test_copied_directly_the_organization_waits_for_the_proof():
    places = order(
        planned(replication="direct"),
        f"data-keyspaces/{REGION}",
        f"rebuild/{REGION}/apigee-cassandra-default-2",
        f"verify-again/{REGION}",
        f"organization/{REGION}",
        f"replication/{REGION}",
        f"release/{REGION}/env/test",
    )
    assert places == sorted(places)


def test_the_gateways_manager_comes_before_the_organization():
    places = order(planned(), f"release/{REGION}/ingress-manager", f"organization/{REGION}")
    assert places == sorted(places)


def test_a_third_region_waits_for_the_second():
    topology = three_with_helm()
    plan = build(topology, world(topology, ring(BEFORE, "dc-1"), apigee(definitions={})))
    second, third = (r.name for r in topology.new_regions)
    assert f"runtime/{second}" in plan.step(f"datastore/{third}").needs


def test_nothing_of_apigeectl_is_left():
    script = export(planned(), with_helm(), "run.sh")
    assert "apigeectl" not in script
    assert "for tool in az kubectl helm;" in script


@pytest.mark.parametrize(
    "words",
    [
        "--server-side --force-conflicts --validate=false",
        "helm upgrade operator",
        "--dry-run=server >/dev/null",
        "--atomic --timeout 15m",
        "--set env=test",
        "--set envgroup=test",
        "kind: CassandraDataReplication",
    ],
)
def test_the_script_has_the_commands_of_the_guide(words: str):
    assert words in export(planned(), with_helm(), "run.sh")


def test_the_script_leaves_the_organizations_keyspaces_to_the_operator():
    script = export(planned(), with_helm(), "run.sh")
    assert f"rebuild -ks {KMS}" not in script
    assert "rebuild -ks perses" in script
    direct = export(planned(replication="direct"), with_helm(replication="direct"), "run.sh")
    assert f"rebuild -ks {KMS}" in direct


def test_every_row_of_the_procedure_is_there():
    rows = {row for step in planned().steps for row in step.procedure_rows}
    assert {9, 10, 11, 13, 14, 15, 16, 17} <= rows


@pytest.mark.parametrize("way", ["resource", "direct"])
def test_bash_can_read_the_script(way: str):
    script = export(planned(replication=way), with_helm(replication=way), "run.sh")
    read = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize("name", ["run.sh", "runbook.md", "back-out.md"])
def test_no_export_has_a_gap(name: str):
    text = export(planned(), with_helm(), name)
    assert not re.search(r"<[a-z_-]+>|TODO|\bNone\b|HOST_ID", text)


def test_the_way_back_takes_the_releases_out_in_reverse():
    text = export(planned(), with_helm(), "back-out.md")
    places = [
        text.index(f"helm uninstall {name} ")
        for name in ("group-release", "env-release", "my-org", "operator")
    ]
    assert places == sorted(places)
    assert (
        text.index("' nodetool decommission")
        < text.index("helm uninstall datastore ")
        < text.index("helm uninstall operator ")
    )
