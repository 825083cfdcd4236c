"""What the plan makes in Azure, each thing once with what must be there before it: for tools that declare and not act.

Azure's network provider takes one writer for each network and AKS one for each cluster, while such tools write everything at
once that depends on nothing: what shares a lane therefore stands in a chain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hybridspan.facts.azure_versions import BY_TYPE
from hybridspan.plan.model import Plan, PlannedStep, Resource
from hybridspan.plan.order import ancestors

MARK = "written by hybridspan plan --export"
"""Stands in the first line of each file, so that a later export knows its own."""

AZURE_PHASES = ("group", "network", "peering", "cluster", "ports")


@dataclass(frozen=True, slots=True)
class Declared:
    """One resource under a name that both tools take."""

    key: str
    resource: Resource
    needs: tuple[str, ...]
    """Keys of what must be there before."""
    title: str

    @property
    def parts(self) -> list[str]:
        """The id without its first slash, in parts."""
        return self.resource.id.strip("/").split("/")

    @property
    def type(self) -> str:
        """Such as `Microsoft.Network/virtualNetworks/subnets`."""
        if "/providers/" not in self.resource.id:
            return "Microsoft.Resources/resourceGroups"
        provider, *rest = self.resource.id.rsplit("/providers/", 1)[1].split("/")
        return "/".join([provider, *rest[::2]])

    @property
    def version(self) -> str:
        """The api-version that it is written with."""
        return BY_TYPE[self.type.lower()]

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def subscription(self) -> str:
        return self.parts[1]

    @property
    def group(self) -> str:
        return self.parts[3]

    @property
    def parent(self) -> str:
        """The id of what it lies in: a resource, its scope, a group, or a subscription."""
        own = self.resource.id
        if self.type.count("/") > 1 or "/providers/" not in own:
            return own.rsplit("/", 2)[0]
        return own.rsplit("/providers/", 1)[0]


def declared(plan: Plan) -> tuple[Declared, ...]:
    """Everything that is missing and can be declared, in the plan's order."""
    found: list[Declared] = []
    keys: dict[str, list[str]] = {}
    last: dict[str, str] = {}
    for step in _steps(plan):
        for number, resource in enumerate(step.resources, start=1):
            key = _key(step.id, number if len(step.resources) > 1 else 0)
            needs = dict.fromkeys([*_before(plan, step, keys), *_in_lanes(step, last)])
            found.append(Declared(key, resource, tuple(needs), step.title))
            keys.setdefault(step.id, []).append(key)
            last.update(dict.fromkeys(step.lanes, key))
    return tuple(found)


def left_out(plan: Plan) -> tuple[str, ...]:
    """Steps of Azure that are to do and that no declaration does, each with its reason."""
    return tuple(
        f"{s.id}: {s.decision.reason}"
        for s in plan.steps
        if s.phase in AZURE_PHASES
        and not s.decision.is_done
        and not s.resources
        and s.decision.state != "later"
    )


def _steps(plan: Plan) -> Iterator[PlannedStep]:
    return (s for s in plan.steps if s.phase in AZURE_PHASES and not s.decision.is_done)


def _before(plan: Plan, step: PlannedStep, keys: Mapping[str, list[str]]) -> list[str]:
    """Keys of everything that the step's needs, and theirs, make."""
    return [key for need in sorted(ancestors(plan.steps, step.needs)) for key in keys.get(need, ())]


def _in_lanes(step: PlannedStep, last: Mapping[str, str]) -> list[str]:
    return [last[lane] for lane in step.lanes if lane in last]


def _key(step_id: str, number: int) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "_", step_id)
    return f"{plain}_{number}" if number else plain
