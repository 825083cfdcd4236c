"""The plan: an immutable graph of steps, each with its decision, its reason in words and the commands it stands for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NewType

from hybridspan.facts.world import Finding

StepId = NewType("StepId", str)
"""`phase/region[/detail]`, such as `rebuild/centralus/apigee-cassandra-default-0`; stable between runs."""

DecisionState = Literal["done", "needed", "later", "refused"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a step concludes from facts.

    `done`: nothing to do, the reason says what was seen. `needed`: something to do, the reason says why.
    `later`: cannot be seen, or must not be done, before an earlier step has run. `refused`: must not be done, the reason says why.
    """

    state: DecisionState
    reason: str
    hint: str = ""
    is_waived: bool = False
    """Of `done`: it is not as it should be, and the person goes on without, by name."""

    @property
    def is_done(self) -> bool:
        return self.state == "done"


def done(reason: str) -> Decision:
    return Decision("done", reason)


def without(reason: str) -> Decision:
    """Done as far as the run goes: the person goes without, by name."""
    return Decision("done", reason, is_waived=True)


def needed(reason: str) -> Decision:
    return Decision("needed", reason)


def later(reason: str, hint: str = "") -> Decision:
    """Not now; `hint` is the next move where it stays so."""
    return Decision("later", reason, hint)


def refused(reason: str, hint: str) -> Decision:
    """Nothing is refused without a next move."""
    return Decision("refused", reason, hint)


@dataclass(frozen=True, slots=True)
class Command:
    """The command that a step stands for, as a person would type it; no secret is ever part of it.

    `script` replaces the argument list where a pipe or a file is needed; it is bash, shown and exported as it is.
    `check` is a command whose success shows that there is nothing to do, for the exported script.
    """

    argv: tuple[str, ...] = ()
    script: str = ""
    comment: str = ""
    gist: str = ""
    """What matters of it, in a line for the screen, where the way into the pod would drown it; exports have the whole."""
    unproved: str = ""
    """What nothing can prove here, in words; a script with such a command ends as apply does then."""

    def text(self) -> str:
        """One line (or the script) that can be pasted into bash."""
        return self.script or shlex.join(self.argv)


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that a step makes in Azure, as Resource Manager takes it; for export to other tools.

    A role assignment refers to the identity of a cluster that is not there yet: `principal_of` is that cluster's id.
    """

    id: str
    body: Mapping[str, Any]
    principal_of: str = ""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One node of the plan's graph."""

    id: StepId
    phase: str
    region: str
    """The region it acts in; the first region for steps of the whole ring."""
    title: str
    decision: Decision
    commands: tuple[Command, ...] = ()
    needs: tuple[StepId, ...] = ()
    """Steps that must be done before this one is even checked."""
    lanes: tuple[str, ...] = ()
    """Things that take one writer at a time (`network/<id>`, `cluster/<id>`, `ring`): steps sharing a lane never overlap."""
    irreversible: str = ""
    """What cannot simply be undone, in words; the run stops and names it before the first of these."""
    procedure_rows: tuple[int, ...] = ()
    """The rows of the documented procedure that it carries out."""
    undo: tuple[Command, ...] = ()
    """How a person gets out again after this step, for the back-out document."""
    undo_note: str = ""
    resources: tuple[Resource, ...] = ()
    """What is missing in Azure and can be declared to another tool, in order; empty for everything else."""
    in_service: bool = False
    """The region is somebody else's finished work: the step would copy or prove what serves already, and is left alone."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run would do, and why."""

    topology_name: str
    topology_digest: str
    """SHA-256 of the declared topology's canonical form."""
    facts_digest: str
    """SHA-256 of the decisions and of the facts behind them; a saved plan is stale when it differs."""
    steps: tuple[PlannedStep, ...]
    """In an order that respects `needs`."""
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """Estimates and remarks for the person: bytes, hours, gigabytes between regions."""
    credentials_secret: str = "apigee-datastore-default-creds"  # noqa: S105  # a name
    """The first region's secret with the database users, for the exports."""

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why the plan must not be applied; empty where it may."""
        return tuple(f"{f.where}: {f.message}" for f in self.judgements if f.severity == "refuse")

    @property
    def judgements(self) -> tuple[Finding, ...]:
        """What pre-flight found, and every step that refuses, in the same form."""
        refusing = (s for s in self.steps if s.decision.state == "refused")
        return self.findings + tuple(
            Finding("step", "refuse", s.id, s.decision.reason, s.decision.hint) for s in refusing
        )

    @property
    def waived(self) -> tuple[PlannedStep, ...]:
        """What the person goes without, by name."""
        return tuple(s for s in self.steps if s.decision.is_waived)

    @property
    def pending(self) -> tuple[PlannedStep, ...]:
        return tuple(s for s in self.steps if not s.decision.is_done)

    def step(self, step_id: str) -> PlannedStep:
        """The step of that id; KeyError where there is none."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)
