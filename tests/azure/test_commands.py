"""The commands that the plan shows, run by the real az as they stand: what they make needs nothing more."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hybridspan.azure.cloud import AzureCloud
from hybridspan.azure.gateway import AzureGateway
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.observation.estate import Memory
from hybridspan.plan.model import PlannedStep
from hybridspan.plan.order import in_order
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Topology
from hybridspan_lab.arm import Settings
from tests.azure.regions import CENTRAL, EAST, SUBSCRIPTION, Recorded, make_topology
from tests.azure.runs import PHASES
from tests.azure.test_gateway import LIKE
from tests.contract import azure_cli
from tests.contract.azure_cli import Az
from tests.contract.lab import Lab, running

pytestmark = [pytest.mark.contract, pytest.mark.timeout(900)]
SECONDS = 420


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running(tmp_path_factory.mktemp("arm"), Settings(clock_scale=0.02)) as lab:
        yield lab


@pytest.fixture(scope="module")
def az(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Az:
    return azure_cli.signed_in(lab, tmp_path_factory.mktemp("person"))


@pytest.fixture
def signed_in(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(lab.authority))
    monkeypatch.setenv("AZURE_TENANT_ID", lab.tenant)
    monkeypatch.setenv("AZURE_CLIENT_ID", lab.client)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", lab.secret)
    monkeypatch.delenv("HYBRIDSPAN_ARM_ENDPOINT", raising=False)
    return lab


async def planned(gateway: AzureGateway, topology: Topology) -> tuple[PlannedStep, ...]:
    facts = {r.name: RegionFacts(await gateway.region_facts(r), None, None, ()) for r in topology.regions}
    world = WorldFacts(0.0, facts, None)
    return in_order([step for phase in PHASES for step in phase(topology, world)])


def script(steps: Sequence[PlannedStep]) -> str:
    """As the exported script has it: what is done already is left out."""
    commands = [c.text() for s in steps if not s.decision.is_done for c in s.commands]
    return "set -euo pipefail\n" + "\n".join(commands) + "\n"


def typed(text: str, az: Az, home: Path) -> str:
    environment = {**az.environment, "PATH": f"{az.program.parent}:{az.environment['PATH']}"}
    environment["KUBECONFIG"] = str(home / "kubeconfig")
    done = subprocess.run(
        ["bash", "-c", text], capture_output=True, text=True, env=environment, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@asynccontextmanager
async def azure_of(lab: Lab) -> AsyncIterator[tuple[AzureGateway, Topology]]:
    """The lab's Azure, and a topology that lies in it."""
    gateway = AzureGateway(AzureCloud.discover(lab.base), SUBSCRIPTION, Recorded())
    try:
        yield gateway, replace(make_topology(EAST, CENTRAL), azure_endpoint=lab.base)
    finally:
        await gateway.close()


async def test_what_the_commands_make_is_what_apply_would_have_made(
    signed_in: Lab, az: Az, tmp_path: Path
) -> None:
    async with azure_of(signed_in) as (gateway, topology):
        await gateway.ensure_group(EAST, "by-hand")
        await gateway.ensure_network(EAST, "by-hand")
        await gateway.ensure_cluster(EAST, LIKE, "by-hand")
        text = script(await planned(gateway, topology))
        said = await asyncio.to_thread(typed, text, az, tmp_path)
        assert said.count('"Connected"') == 2 + said.count('"peeringState": "Connected"')
        assert [s.id for s in await planned(gateway, topology) if not s.decision.is_done] == []
        again = await asyncio.to_thread(typed, text, az, tmp_path)
        assert again.count('"Connected"') == 2
    assert "apigee-centralus" in (tmp_path / "kubeconfig").read_text()


async def test_a_second_start_cuts_no_peering_that_the_first_one_mended(
    signed_in: Lab, az: Az, tmp_path: Path
) -> None:
    async with azure_of(signed_in) as (gateway, topology):
        for region in (EAST, CENTRAL):
            await gateway.ensure_group(region, "by-hand")
            await gateway.ensure_network(region, "by-hand")
        await gateway.ensure_peering(EAST, "to-centralus", CENTRAL, "to-eastus", Memory())
        network = await gateway.network_at(azure_ids.network_id(CENTRAL))
        assert network is not None
        (torn,) = network.peerings
        await asyncio.to_thread(az.text, "network", "vnet", "peering", "delete", "--ids", torn.id)
        text = script([s for s in await planned(gateway, topology) if s.phase == "peering"])
        assert "peering delete" in text
        await asyncio.to_thread(typed, text, az, tmp_path)
        before = await states(gateway)
        assert [state for _, state in before] == ["Connected", "Connected"]
        await asyncio.to_thread(typed, text, az, tmp_path)
        assert await states(gateway) == before


async def states(gateway: AzureGateway) -> list[tuple[str, str]]:
    """Each network's etag, which every change of its peerings renews, and the peering's state."""
    networks = [await gateway.network_at(azure_ids.network_id(region)) for region in (EAST, CENTRAL)]
    return [(n.etag, p.state) for n in networks if n is not None for p in n.peerings]
