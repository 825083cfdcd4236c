"""The exported way back, typed line by line from where a run stopped: the first region is as before, and a later run ends proved."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridspan.topology import loading
from tests.contract import azure_cli
from tests.rehearsal.rig import Rig, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(2400)]

STOPPED_AT = (
    ("two-regions", "data-keyspaces/centralus"),
    ("two-regions", "verify-again/centralus"),
    ("helm-two-regions", "replication/centralus"),
)
"""Each example with the step up to which a run goes: before the data, proved and not serving yet, copied by the operator."""


@pytest.fixture(scope="module", params=STOPPED_AT, ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    found: tuple[str, str] = request.param
    return found


@pytest.fixture(scope="module")
def rig(case: tuple[str, str]) -> Iterator[Rig]:
    example, _ = case
    namespace = "hybrid-runtime" if example.startswith("helm") else "apigee"
    with rehearsal(example, namespace=namespace) as rig:
        rig.hybridspan("lab", "fill", "--rows", "2000")
        yield rig


@pytest.fixture(scope="module")
def stopped_at(case: tuple[str, str]) -> str:
    return case[1]


def blocks(page: str, stage: str) -> str:
    """What stands in the page's bash blocks: getting ready, then everything from that stage down."""
    ready, _, below = page.partition(f"## After {stage}\n")
    assert below
    found = re.findall(
        r"^```bash\n(.*?)^```", ready.partition("## After ")[0] + below, re.MULTILINE | re.DOTALL
    )
    return "set -euo pipefail\n" + "".join(found)


def replications(rig: Rig) -> str:
    statement = "SELECT keyspace_name, replication FROM system_schema.keyspaces"
    pod = ("exec", "-i", "apigee-cassandra-default-0", "-n", rig.namespace, "--")
    words = ("cqlsh", "-u", "ddl_user", "--ssl", "-e", statement)
    return rig.kubectl("apigee-eastus", *pod, *words, stdin=rig.password("apigee-eastus", "ddl") + "\n")


def test_every_line_of_the_way_back_works_as_typed(rig: Rig, stopped_at: str) -> None:
    rig.apply("--until", stopped_at)
    assert "'dc-2'" in replications(rig)
    page = rig.directory / "back-out.md"
    rig.hybridspan("plan", str(rig.topology), "--export", str(page), expect=None)
    rig.az("account", "show")
    person = rig.base / "person"
    person.mkdir()
    path = f"{azure_cli.installed().parent}{os.pathsep}{rig.environment['PATH']}"
    rig.environment = {**rig.environment, "HOME": str(person), "PATH": path}
    rig.run("bash", "-c", blocks(page.read_text(), stopped_at), timeout=1200)


def test_the_first_region_is_alone_and_whole(rig: Rig) -> None:
    status = rig.nodetool("apigee-eastus", 0, "status")
    assert (status.count("UN  "), "dc-2" in status) == (3, False)
    assert "'dc-2'" not in replications(rig)
    clusters = json.loads(rig.az("aks", "list", "--output", "json"))
    assert [c["name"] for c in clusters] == ["apigee-eastus"]
    networks = json.loads(rig.az("network", "vnet", "list", "--output", "json"))
    assert [n["name"] for n in networks] == [loading.load(rig.topology).first.network.name]
    assert not any(n["virtualNetworkPeerings"] for n in networks)


def test_nothing_of_the_expansion_is_left_on_this_machine(rig: Rig) -> None:
    assert not (rig.directory / "overrides_apigee-centralus.yaml").exists()
    assert Path(rig.directory / "overrides_apigee-eastus.yaml").exists()


def test_a_later_run_begins_anew_and_ends_proved(rig: Rig) -> None:
    rig.apply()
    assert rig.is_proved()
