"""Installs Apigee with Helm: its definitions, the operator, the organization and everything that is a release of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hybridspan.errors import PermanentFailure
from hybridspan.plan.model import Decision, PlannedStep, done, needed
from hybridspan.plan.phases.definitions import decide_crds
from hybridspan.plan.phases.operator import decide_operator, decide_organization
from hybridspan.plan.phases.releases import decide_release
from hybridspan.progress import Progress
from hybridspan.steps.region_step import RegionStep

if TYPE_CHECKING:
    from hybridspan.apigee.helm_installer import HelmInstaller
    from hybridspan.facts.world import Installation
    from hybridspan.observation.estate import Estate


class _HelmStep(RegionStep):
    """One release, or what belongs to one."""

    deadline_seconds: float = 900.0
    key = ""

    async def installer(self) -> HelmInstaller:
        return await self.estate.helm(self.region)

    async def check(self) -> Decision:
        first, own = await (await self.installer()).installations()
        return self.decide(first, own)

    def decide(self, first: Installation, own: Installation) -> Decision:
        raise NotImplementedError

    async def act(self, progress: Progress) -> None:
        await (await self.installer()).install(self.key, lambda line: progress(line, None, {}))

    async def verify(self, progress: Progress) -> Decision:
        decision = await self.check()
        if decision.state == "refused":
            raise PermanentFailure(
                "HS-APIGEE-038", decision.reason, where=self.planned.id, hint=decision.hint
            )
        return decision if decision.is_done else needed(decision.reason)


class CrdsStep(_HelmStep):
    """Apigee's definitions, by server-side apply; served before anything else is done."""

    deadline_seconds = 120.0

    async def check(self) -> Decision:
        return decide_crds(*await (await self.installer()).compared_definitions())

    async def act(self, progress: Progress) -> None:
        await (await self.installer()).apply_definitions(lambda line: progress(line, None, {}))

    async def verify(self, progress: Progress) -> Decision:
        waiting = await (await self.installer()).unestablished()
        if waiting:
            return needed(f"not served yet: {', '.join(waiting)}")
        decision = await self.check()
        # The server took all of the chart's: whatever another region has is no reason to go on waiting.
        return decision if decision.is_done else done("every definition of the operator's chart is served")


class OperatorStep(_HelmStep):
    """The operator: deployed and available, so that its webhook answers."""

    key = "operator"

    def decide(self, first: Installation, own: Installation) -> Decision:
        return decide_operator(self.estate.topology, first, own.apigee)


class OrganizationStep(_HelmStep):
    """The organization, under the name that every region has for it."""

    deadline_seconds = 1800.0
    key = "org"

    def decide(self, first: Installation, own: Installation) -> Decision:
        return decide_organization(self.estate.topology, first, own.apigee)


class ReleaseStep(_HelmStep):
    """A release that is as it should be when Helm has deployed it; whether it runs is looked at by the runtime's step."""

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        super().__init__(planned, estate)
        self.key = planned.id.removeprefix(f"release/{planned.region}/")

    async def check(self) -> Decision:
        installer = await self.installer()
        wanted = await installer.wanted(self.key)
        _, own = await installer.installations()
        return decide_release(self.estate.topology, wanted, own.apigee)


STEPS: Final = {
    "crds": CrdsStep,
    "operator": OperatorStep,
    "organization": OrganizationStep,
    "release": ReleaseStep,
}
