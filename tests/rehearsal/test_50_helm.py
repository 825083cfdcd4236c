"""The same expansion with the real helm and Apigee's operator, which first says `complete` over nothing and is not believed.

The tests of this file share one lab and build on one another, in this order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.failure_table import as_written
from tests.rehearsal.rig import Rig, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(3000)]

ROWS = 20_000
RELEASES = [
    *("datastore", "env-test", "hybrid-test-7", "ingress-manager"),
    *("operator", "redis", "telemetry", "vh-test-group"),
]
KEYSPACES = [f"{name}_hybrid_test_7_hybrid" for name in ("cache", "kms", "kvm", "quota")]
ORGANIZATION = "hybrid-test-7-a69bd24"


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("helm-two-regions") as rig:
        rig.hybridspan("lab", "fill", "--rows", str(ROWS))
        yield rig


def operators_are_told(rig: Rig, how: str) -> None:
    """Whether operators report a copy that they have not made: `without-rebuild`, or `never`."""
    rig.hybridspan("lab", "fault", json.dumps({"kind": "replication-lies", "how": how}))


def releases(rig: Rig, context: str) -> dict[str, str]:
    said = rig.run("helm", "list", "-n", "apigee", "--kube-context", context, "-o", "json").stdout
    return {r["name"]: f"{r['chart']} {r['status']}" for r in json.loads(said)}


def states(rig: Rig, context: str) -> dict[str, str]:
    listed = rig.kubectl(context, "get", "apigeeds,apigeeorg,apigeeenv,cdr", "-n", "apigee", "-o", "json")
    return {f"{i['kind']}/{i['metadata']['name']}": i["status"]["state"] for i in json.loads(listed)["items"]}


def test_the_plan_goes_to_a_repository_without_a_secret(rig: Rig) -> None:
    rig.hybridspan("plan", str(rig.topology), "--export", "manifests", "gitops", "--export", "run.sh")
    folder = rig.directory / "gitops" / "centralus"
    assert len(list((folder / "argocd").iterdir())) == len(RELEASES)
    assert len(list((folder / "flux").iterdir())) == len(RELEASES) + 1
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    passwords = [rig.password("apigee-eastus", user) for user in ("admin", "ddl", "dml", "jmx")]
    assert not [p for p in passwords for text in texts if p in text]
    assert rig.events("acting") == []


def test_an_operator_that_copies_nothing_is_not_believed(rig: Rig) -> None:
    operators_are_told(rig, "without-rebuild")
    done = rig.apply(expect=1)
    assert "HS-APIGEE-045" in done.stderr
    assert as_written("an operator that copies nothing", 1, done.stderr)
    assert "has no record of having received" in done.stderr
    assert states(rig, "apigee-centralus")["CassandraDataReplication/region-expansion"] == "complete"


def test_run_again_it_is_started_by_force_and_every_row_is_proved(rig: Rig) -> None:
    operators_are_told(rig, "never")
    rig.apply()
    told = [
        e["document"].get("text", "") for e in rig.events("progress") if e["step"] == "replication/centralus"
    ]
    assert any("not believed, and started again by force" in text for text in told)
    assert rig.is_proved()


def test_status_shows_releases_and_the_operators_copying(rig: Rig) -> None:
    regions = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)["regions"]
    assert all(sorted(r["name"] for r in region["releases"]) == RELEASES for region in regions)
    copying = regions[1]["replication"]
    assert (copying["state"], copying["source"], copying["cause"]) == ("complete", "dc-1", None)
    assert {node["state"] for node in copying["nodes"]} == {"complete"}
    assert len(copying["nodes"]) == 3


def test_helm_lists_the_same_releases_in_both_regions(rig: Rig) -> None:
    there, here = releases(rig, "apigee-eastus"), releases(rig, "apigee-centralus")
    assert here == there
    assert sorted(here) == RELEASES
    assert {words.rpartition("-")[2] for words in here.values()} == {"1.16.0 deployed"}


def test_kubectl_shows_the_states_of_the_operators_resources(rig: Rig) -> None:
    found = states(rig, "apigee-centralus")
    assert found["ApigeeDatastore/default"] == "running"
    assert found[f"ApigeeOrganization/{ORGANIZATION}"] == "running"
    assert found["CassandraDataReplication/region-expansion"] == "complete"
    assert set(found.values()) == {"running", "complete"}


def test_each_keyspace_is_replicated_and_force_is_taken_back(rig: Rig) -> None:
    status = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)
    factors = {k["name"]: k["factors"] for k in status["ring"]["keyspaces"]}
    assert all(factors[name] == {"dc-1": 3, "dc-2": 3} for name in [*KEYSPACES, "perses"]), factors
    path = "jsonpath={.spec.force}"
    assert (
        rig.kubectl("apigee-centralus", "get", "cdr", "region-expansion", "-n", "apigee", "-o", path)
        == "false"
    )


def test_the_seed_is_out_again(rig: Rig) -> None:
    rig.seed_is_out()


def test_a_second_apply_does_nothing_and_says_why(rig: Rig) -> None:
    rig.another_apply_does_nothing()


def test_no_password_stands_in_the_journal_or_in_helms_logs(rig: Rig) -> None:
    passwords = [rig.password("apigee-eastus", user) for user in ("admin", "ddl", "dml", "jmx")]
    kept = [path for path in Path(rig.directory, ".hybridspan").rglob("*") if path.is_file()]
    assert not [path for path in kept for p in passwords if p.encode() in path.read_bytes()]
