"""Steps 1 to 7 through somebody's own pipeline: what the exported files declare is deployed, and nothing is left to do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from hybridspan.observation.estate import Estate
from hybridspan.plan.export import bicep, terraform
from hybridspan.plan.export.bicep import deployment_name
from hybridspan.plan.model import Plan
from hybridspan.topology.model import Topology
from tests.azure.conftest import StandIn
from tests.azure.exported import Request, bicep_requests, terraform_requests
from tests.azure.regions import CENTRAL, EAST, SECOND_SUBSCRIPTION, Recorded, make_region, make_topology
from tests.azure.runs import at, closed, opened, planned, run, writes

Export = Callable[[Plan, Topology], dict[str, str]]
FORMS = [
    pytest.param(bicep, bicep_requests, id="bicep"),
    pytest.param(terraform, terraform_requests, id="terraform"),
]
WEST = make_region("westus2", "10.90.0.0/24", 3, group="west-rg", subscription=SECOND_SUBSCRIPTION)


@pytest.fixture
def topology(stand_in: StandIn, tmp_path: Path) -> Topology:
    return at(stand_in, tmp_path, make_topology(EAST, CENTRAL, WEST))


@pytest.fixture
async def estate(topology: Topology, records: Recorded) -> AsyncIterator[Estate]:
    async with opened(topology, records) as estate:
        yield estate


async def as_plan(estate: Estate) -> Plan:
    return Plan(estate.topology.name, "", "", await planned(estate))


async def deploy(estate: Estate, requests: list[Request]) -> list[str]:
    """Each as soon as what it needs is there, everything else at once, as the tools do; the ids in the order of their ends."""
    made: dict[str, Any] = {}
    ends = {request.key: asyncio.Event() for request in requests}
    order: list[str] = []

    async def put(request: Request) -> None:
        for need in request.needs:
            await ends[need].wait()
        operations = estate.azure(EAST)._clients_of(request.id.split("/")[2]).resources.resources

        def call() -> Any:
            poller = operations.begin_create_or_update_by_id(
                request.id, request.body(made), api_version=request.version, polling_interval=0.05
            )
            return poller.result()

        answer = await asyncio.to_thread(call)
        made[request.key] = answer.as_dict() if hasattr(answer, "as_dict") else answer
        order.append(request.id)
        ends[request.key].set()

    async with asyncio.TaskGroup() as group:
        for request in requests:
            group.create_task(put(request))
    return order


@pytest.mark.parametrize(("export", "read"), FORMS)
async def test_a_deployed_export_leaves_nothing_to_do(
    estate: Estate, records: Recorded, export: Export, read: Callable[..., list[Request]]
) -> None:
    await closed(estate)
    requests = read(export(await as_plan(estate), estate.topology))
    deployed = await deploy(estate, requests)
    # two networks, six peerings, two clusters with their rights, a group, two rules in the first region's own group
    assert len(deployed) == len(set(deployed)) == 2 + 6 + 2 + 2 + 1 + 2
    assert [s.id for s in await planned(estate) if not s.decision.is_done] == []
    outcome = await run(estate)
    assert {s.state for s in outcome.steps} == {"unchanged"}
    assert writes(records) == []


@pytest.mark.parametrize(("export", "read"), FORMS)
async def test_both_forms_declare_what_apply_itself_would_write(
    estate: Estate, stand_in: StandIn, records: Recorded, export: Export, read: Callable[..., list[Request]]
) -> None:
    requests = {r.id.lower(): r for r in read(export(await as_plan(estate), estate.topology))}
    before = len(stand_in.requests())
    await run(estate)
    written = {path for path in stand_in.requests()[before:] if "/roleassignments/" not in path}
    assert {key for key in requests if "/roleassignments/" not in key} == written


async def test_an_export_of_what_is_done_declares_nothing(estate: Estate) -> None:
    await run(estate)
    plan = await as_plan(estate)
    assert bicep_requests(bicep(plan, estate.topology)) == []
    assert list(bicep(plan, estate.topology)) == ["main.bicep"]
    assert "resource " not in terraform(plan, estate.topology)["main.tf"].replace("azapi_resource", "")


async def test_what_cannot_be_declared_is_named(estate: Estate, stand_in: StandIn) -> None:
    await run(estate)
    key = next(
        k for k in stand_in.arm.store.all if k.endswith("/virtualnetworkpeerings/my-hybrid-rg-vnet1-peering")
    )
    document = stand_in.arm.store.get(key)
    document["properties"]["peeringState"] = "Disconnected"
    stand_in.arm.store.put(key, document)
    plan = await as_plan(estate)
    for text in (bicep(plan, estate.topology)["main.bicep"], terraform(plan, estate.topology)["main.tf"]):
        assert (
            "Not in here: peering/eastus+centralus: peering my-hybrid-rg-vnet1-peering is Disconnected"
            in text
        )


async def test_terraform_is_written_as_terraform_formats_it(estate: Estate) -> None:
    """Held against `terraform fmt -check` by hand: the signs of neighbours that take one line stand below one another."""
    await closed(estate)
    text = terraform(await as_plan(estate), estate.topology)["main.tf"]
    previous: tuple[int, int] | None = None
    for line in text.splitlines():
        pair = re.fullmatch(r"( *)[\w\"-]+ *= (?!.*[\[{]$).+", line)
        place = (len(pair[1]), line.index(" = ")) if pair else None
        if place and previous and place[0] == previous[0]:
            assert place == previous, line
        previous = place


async def test_terraform_may_not_destroy_what_holds_others_nor_refuse_a_version_that_it_does_not_know(
    estate: Estate,
) -> None:
    text = terraform(await as_plan(estate), estate.topology)["main.tf"]
    blocks = re.split(r"\n(?=# [^\n]*\nresource )", text)[1:]
    kept = {
        re.search(r'type +="? "([^@]*)@', block)[1] for block in blocks if "prevent_destroy = true" in block
    }  # type: ignore[index]
    assert kept == {
        "Microsoft.Resources/resourceGroups",
        "Microsoft.Network/virtualNetworks",
        "Microsoft.ContainerService/managedClusters",
    }
    assert all("schema_validation_enabled = false" in block for block in blocks)
    assert "over this one's state Terraform would" in text


def test_a_long_name_is_still_one_that_azure_takes() -> None:
    names = {deployment_name("peering_" + "x" * 80 + end) for end in ("1", "2")}
    assert len(names) == 2
    assert all(len(name) <= 64 for name in names)


def test_a_folder_is_written_and_written_again_but_never_over_somebodys_own(tmp_path: Path) -> None:
    from hybridspan.cli.plan import _write_folder
    from hybridspan.errors import InputError

    made = terraform(Plan("two-regions", "", "", ()), make_topology())
    for _ in range(2):
        _write_folder(tmp_path / "terraform", made)
    own = tmp_path / "mine" / "terraform"
    own.mkdir(parents=True)
    (own / "main.tf").write_text("# our own\n")
    with pytest.raises(InputError, match="HS-PLAN-008"):
        _write_folder(own, made)
    assert (own / "main.tf").read_text() == "# our own\n"
