"""Stops before the organization while Google Cloud would refuse the tokens of the new cluster's pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hybridspan.apigee.overrides import overrides_facts
from hybridspan.errors import PermanentFailure
from hybridspan.plan.model import Decision
from hybridspan.plan.phases.identity import decide_identity, how_to_register
from hybridspan.progress import Progress
from hybridspan.steps.region_step import RegionStep

if TYPE_CHECKING:
    from hybridspan.facts.azure import ClusterFacts
    from hybridspan.facts.overrides import OverridesFacts


class IdentityStep(RegionStep):
    """A person registers the cluster's issuer and writes its audience; this step looks, and says how."""

    deadline_seconds: float = 5.0

    async def check(self) -> Decision:
        return decide_identity(
            self._first(), overrides_facts(self.estate.topology, self.region), await self._cluster()
        )

    async def act(self, progress: Progress) -> None:
        decision, cluster = await self.check(), await self._cluster()
        raise PermanentFailure(
            "HS-APIGEE-053",
            f"the pods of {self.region.name} would have no credentials of Google Cloud",
            where=str(self.region.overrides),
            why=decision.reason,
            hint=how_to_register(self.estate.topology, self.region, self._first().federation, cluster),
        )

    def _first(self) -> OverridesFacts:
        return overrides_facts(self.estate.topology, self.estate.topology.first)

    async def _cluster(self) -> ClusterFacts | None:
        return (await self.estate.azure(self.region).region_facts(self.region)).cluster


STEPS: Final = {"identity": IdentityStep}
