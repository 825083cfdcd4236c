"""40 regions against the stand-in for Resource Manager, throttled as Azure throttles: planned, applied, and looked at again.

Only steps 1 to 7: groups, networks, 1,560 peering objects, clusters (documents alone), ports. The stand-in is a process of its own.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from planning import numbered

from hybridspan.engine.outcomes import RunOutcome
from hybridspan.engine.runner import Runner
from hybridspan.facts.azure import ClusterFacts
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.observation.estate import Estate
from hybridspan.observation.findings import azure_rights
from hybridspan.plan.build import build
from hybridspan.plan.model import PlannedStep
from hybridspan.plan.order import in_order
from hybridspan.plan.phases.clusters import plan_clusters
from hybridspan.plan.phases.groups import plan_groups
from hybridspan.plan.phases.networks import plan_networks
from hybridspan.plan.phases.peerings import plan_peerings
from hybridspan.plan.phases.ports import plan_ports
from hybridspan.report.text import render_plan
from hybridspan.steps.registry import steps_for
from hybridspan.topology.loading import load
from hybridspan.topology.model import RegionName, Topology
from hybridspan_lab.arm import NullHost, Settings, create_app, serve
from hybridspan_lab.arm.credentials import SUBSCRIPTION, ensure
from hybridspan_lab.arm.locations import ALL

REGIONS = int(os.environ.get("BENCH_REGIONS", "40"))
REST_SECONDS = 15
"""Until the buckets are full again, as they are when a person comes back later."""

EXAMPLE = Path(__file__).parents[1] / "examples" / "two-regions" / "hybrid.yaml"
PHASES = (plan_groups, plan_networks, plan_peerings, plan_clusters, plan_ports)
LIKE = ClusterFacts("/x", "first", "", "1.33.5", "azure", None, None, None, (), "Succeeded", "Running", "")


async def stand_in(folder: Path) -> None:
    """Serve until standard input ends."""
    app = create_app(folder, NullHost(seconds=0.1), lambda _: None, settings=Settings(throttling=True))
    url, runner = await serve(app)
    print(url, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def wide(url: str, folder: Path) -> Topology:
    example = load(EXAMPLE)
    names = [n for n in sorted(ALL) if n != example.first.name][: REGIONS - 1]
    new = []
    for number, name in enumerate(names, start=2):
        region = numbered(example.regions[1], number)
        new.append(replace(region, name=RegionName(name), subscription=SUBSCRIPTION))
    first = replace(example.first, subscription=SUBSCRIPTION)
    return replace(
        example, regions=(first, *new), azure_endpoint=url, path=folder / "hybrid.yaml", name="forty"
    )


class Silent:
    def event(self, kind: str, step: PlannedStep, document: Mapping[str, Any]) -> None:
        pass


class Requests:
    """What the stand-in was asked since the last time."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._read = 0

    def since(self) -> Counter[str]:
        lines = self._journal.read_text().splitlines()
        entries = [json.loads(line) for line in lines[self._read :]]
        self._read = len(lines)
        counted: Counter[str] = Counter()
        for entry in entries:
            if "/oauth2/" not in entry["path"]:
                counted["429" if entry["status"] == 429 else entry["method"]] += 1
        return counted


async def planned(estate: Estate) -> tuple[PlannedStep, ...]:
    regions = estate.topology.regions
    seen = await asyncio.gather(*(estate.azure(r).region_facts(r) for r in regions))
    facts = {r.name: RegionFacts(f, None, None, ()) for r, f in zip(regions, seen, strict=True)}
    world = WorldFacts(0.0, facts, None)
    return in_order([step for phase in PHASES for step in phase(estate.topology, world)])


async def shown(estate: Estate) -> int:
    """All that `plan` does but to look into clusters that are not there: look, ask for one's rights, decide every step, show it."""
    topology = estate.topology
    seen = await asyncio.gather(*(estate.azure(r).region_facts(r) for r in topology.regions))
    azure = {r.name: f for r, f in zip(topology.regions, seen, strict=True)}
    findings = tuple(await azure_rights(estate, azure))
    facts = {name: RegionFacts(f, None, None, ()) for name, f in azure.items()}
    plan = build(topology, WorldFacts(0.0, facts, None, findings))
    render_plan(plan, brief=True).show(io.StringIO())
    return len(plan.steps)


async def run(estate: Estate) -> RunOutcome:
    async def yes(_: PlannedStep) -> bool:
        return True

    return await Runner(steps_for(await planned(estate), estate), Silent(), estate.clock, yes).run()


async def measured(what: str, call: Any, requests: Requests) -> Any:
    began, worked = time.perf_counter(), time.process_time()
    result = await call
    asked = ", ".join(f"{n} {method}" for method, n in sorted(requests.since().items()))
    print(
        f"{what:52} {time.perf_counter() - began:7.1f} s {time.process_time() - worked:6.1f} s of CPU   {asked}",
        flush=True,
    )
    return result


async def measure(url: str, folder: Path) -> None:
    requests = Requests(folder / "requests.jsonl")
    topology = wide(url, folder)
    async with Estate(topology) as estate:
        gateway = estate.azure(topology.first)
        await gateway.ensure_group(topology.first, "by-hand")
        await gateway.ensure_network(topology.first, "by-hand")
        await gateway.ensure_cluster(topology.first, LIKE, "by-hand")
        requests.since()
        steps = await measured("look and plan, one region exists", planned(estate), requests)
        peerings = sum(len(s.resources) for s in steps if s.phase == "peering")
        print(f"{len(topology.regions)} regions, {len(steps)} steps, {peerings} peering objects to make")
        every = await measured("the whole plan, with rights, shown", shown(estate), requests)
        print(f"{every} steps in it")
        outcome = await measured("apply", run(estate), requests)
        report(outcome)
    await asyncio.sleep(REST_SECONDS)
    async with Estate(topology) as estate:
        await measured("look and plan, everything exists", planned(estate), requests)
        report(await measured("apply, nothing to do", run(estate), requests))
        await asyncio.sleep(REST_SECONDS)
        await torn(estate, topology)
        requests.since()
        report(await measured("apply, one of the peering objects is gone", run(estate), requests))


def report(outcome: RunOutcome) -> None:
    states = Counter(s.state for s in outcome.steps)
    print("  " + ", ".join(f"{n} {state}" for state, n in states.items()))
    for failure in outcome.failures[:3]:
        print("  " + failure.reason)


async def torn(estate: Estate, topology: Topology) -> None:
    """Somebody deletes one direction of one pair."""
    region = topology.regions[REGIONS // 2]
    network = await estate.azure(region).network_facts(region)
    clients = estate.azure(region)._clients_of(SUBSCRIPTION)  # noqa: SLF001 # as anybody else would, behind our back
    client = clients.network.virtual_network_peerings
    names = (region.resource_group, region.network.name, network.peerings[0].name)
    poller = await asyncio.to_thread(client.begin_delete, *names, polling_interval=0.1)
    await asyncio.to_thread(poller.wait)


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(stand_in(Path(sys.argv[2])))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "arm"
        credentials = ensure(folder)
        command = [sys.executable, __file__, "serve", str(folder)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            url = server.stdout.readline().strip()
            os.environ.update(
                REQUESTS_CA_BUNDLE=str(folder / "ca.pem"),
                AZURE_TENANT_ID=credentials.tenant,
                AZURE_CLIENT_ID=credentials.owner.client_id,
                AZURE_CLIENT_SECRET=credentials.owner.secret.reveal(),
            )
            try:
                asyncio.run(measure(url, folder))
            finally:
                server.stdin.close()


if __name__ == "__main__":
    main()
