"""From the plan's phases to the steps that carry them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from hybridspan.engine.step import Step
from hybridspan.plan.model import PlannedStep

if TYPE_CHECKING:
    from hybridspan.observation.estate import Estate


def steps_for(planned: Iterable[PlannedStep], estate: Estate) -> list[Step]:
    """The steps of a plan, in its order; KeyError for a phase that nothing carries out (a defect)."""
    from hybridspan.steps.in_service import InService, InServiceStep

    makers = _makers()
    looks = {region.name: InService(estate, region) for region in estate.topology.regions}
    return [
        InServiceStep(step, looks[estate.topology.region(step.region).name])
        if step.in_service
        else makers[step.phase](step, estate)
        for step in planned
    ]


def _makers() -> dict[str, Callable[[PlannedStep, Estate], Step]]:
    from hybridspan.steps import (
        clusters,
        groups,
        host_network,
        identity,
        install,
        keyspaces,
        networks,
        overrides,
        peerings,
        ports,
        reachability,
        rebuild,
        releases,
        replication,
        runtime,
        seed_removal,
        trust,
        verification,
    )

    azure = (groups, networks, peerings, clusters, ports)
    apigee = (host_network, trust, overrides, install, releases, identity, replication, seed_removal, runtime)
    cassandra = (keyspaces, reachability, rebuild, verification)
    return {phase: maker for room in azure + apigee + cassandra for phase, maker in room.STEPS.items()}
