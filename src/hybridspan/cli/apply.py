"""`hybridspan apply`: shows the plan, asks, does it, keeps the record."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybridspan.cli.opening import (
    carried_out,
    journal_of,
    json_option,
    locked,
    looked,
    opened,
    refuse_slips,
    topology_argument,
    waive_option,
)
from hybridspan.errors import EXIT_FAILED, EXIT_OK, EXIT_PENDING, InputError, PermanentFailure
from hybridspan.plan.model import Plan, PlannedStep
from hybridspan.topology.model import Topology

if TYPE_CHECKING:
    from hybridspan.engine.outcomes import RunOutcome
    from hybridspan.journal.store import SqliteJournal
    from hybridspan.observation.estate import Estate
    from hybridspan.plan.saved import SavedPlan
    from hybridspan.report.live import Display


@click.command(
    epilog="TOPOLOGY is hybrid.yaml in this folder unless another file is named, or a plan that `plan --save` kept."
)
@topology_argument
@click.option(
    "--yes", is_flag=True, help="Do not ask; stops before the first act that cannot simply be undone."
)
@click.option("--past-no-return", is_flag=True, help="With --yes: go on past that act too.")
@click.option("--until", "goal", metavar="STEP", help="Only up to this step or phase, and what it needs.")
@waive_option
@json_option
def apply(
    topology_file: Path, yes: bool, past_no_return: bool, goal: str, waive: tuple[str, ...], as_json: bool
) -> int:
    """Carry out what the topology declares, or a plan saved before."""
    if past_no_return and not yes:
        raise click.UsageError("--past-no-return goes with --yes: without it, apply asks before that act")
    saved = _saved(topology_file)
    topology = opened(saved.topology_file if saved else topology_file)
    waived = frozenset(waive).union(saved.waived if saved else ())
    refuse_slips(topology, waived)
    consent = Consent(yes, past_no_return, _command(topology_file, waive, goal))
    with locked(topology, "apply"), journal_of(topology) as journal:
        run = Application(topology, journal, consent, goal, waived, as_json)
        return carried_out(lambda: run.carry_out(saved))


def _saved(path: Path) -> SavedPlan | None:
    """The saved plan, where the file is JSON; None for a topology file."""
    from hybridspan.plan.saved import from_text

    if not path.is_file():
        raise InputError(
            "HS-CLI-001", "there is no such file", where=str(path), hint="hybridspan init writes one"
        )
    text = path.read_text(errors="replace")
    return from_text(text, str(path)) if text.lstrip().startswith("{") else None


def _command(path: Path, waived: Collection[str], goal: str | None) -> str:
    """What a person types to begin or go on, with all that apply had been told."""
    words = ["hybridspan", "apply", str(path)]
    words += [word for name in waived for word in ("--waive", name)]
    return shlex.join([*words, *(("--until", goal) if goal else ())])


class Consent:
    """What the person has agreed to; asks where there is a terminal, refuses where there is none."""

    def __init__(self, yes: bool, past_no_return: bool, command: str = "hybridspan apply") -> None:
        self._yes = yes
        self._past = past_no_return
        self._command = command

    def to_begin(self, plan: Plan) -> bool:
        if self._yes:
            return True
        if not sys.stdin.isatty():
            raise InputError(
                "HS-CLI-002",
                "apply needs a yes, and there is no terminal to ask on",
                hint=f"look at the plan, then: {self._command} --yes  (adding --past-no-return goes on past the first act"
                " that cannot simply be undone)",
            )
        from hybridspan.report.amounts import counted

        return click.confirm(f"Carry out {counted(len(plan.pending), 'step')}?", err=True)

    async def past(self, step: PlannedStep) -> bool:
        """Asked once, before the first act that cannot simply be undone; the end of the input, or of the terminal, is a no."""
        if self._yes:
            return self._past
        question = f"\n{step.id}: {step.irreversible}\nThis cannot simply be undone. Go on?"
        try:
            return await asyncio.to_thread(click.confirm, question, err=True)
        except click.Abort:  # a RuntimeError, which the engine would take for a defect
            click.echo(err=True)
            return False
        except OSError:  # a terminal that is gone may be read as an error, and nothing more can be told there
            return False


def asked_aside(shown: Display, consent: Consent) -> Callable[[PlannedStep], Awaitable[bool]]:
    """The question before an act that cannot simply be undone, while nothing is drawn over it."""

    async def ask(step: PlannedStep) -> bool:
        with shown.paused():
            return await consent.past(step)

    return ask


class Application:
    """One run of apply."""

    def __init__(
        self,
        topology: Topology,
        journal: SqliteJournal,
        consent: Consent,
        goal: str | None,
        waived: frozenset[str],
        as_json: bool,
    ) -> None:
        self._topology = topology
        self._journal = journal
        self._consent = consent
        self._goal = goal
        self._waived = waived
        self._as_json = as_json
        self._run = 0

    async def carry_out(self, saved: SavedPlan | None) -> int:
        from hybridspan.observation.estate import Estate, RunOptions
        from hybridspan.topology.loading import digest

        self._run = self._journal.begin("apply", digest(self._topology))
        options = RunOptions(waived=self._waived)
        try:
            async with Estate(
                self._topology, options=options, record=self._record, memory=self._journal
            ) as estate:
                return await self._with(estate, saved)
        except BaseException as error:
            self._journal.finish(self._run, "failed", f"{type(error).__name__}: {error}")
            raise

    async def _with(self, estate: Estate, saved: SavedPlan | None) -> int:
        from hybridspan.engine.outcomes import declined
        from hybridspan.plan.build import build
        from hybridspan.plan.order import until
        from hybridspan.plan.phases.source_repair import with_waivers
        from hybridspan.plan.saved import refuse_if_stale

        click.echo("looking at what is there …", err=True)
        facts = await looked(estate)
        plan = build(self._topology, facts)
        if saved:
            refuse_if_stale(saved, plan)
        plan = with_waivers(self._topology, facts, plan, self._waived)
        steps = until(plan.steps, self._goal) if self._goal else plan.steps
        self._show(plan)
        self._refuse(plan)
        for step in plan.waived:
            self._record("waived", {"step": step.id, "reason": step.decision.reason})
        if any(not s.decision.is_done for s in steps) and not self._consent.to_begin(plan):
            return self._conclude(declined(steps))
        return self._conclude(await self._run_steps(estate, steps))

    def _show(self, plan: Plan) -> None:
        from hybridspan.report.text import render_plan

        render_plan(plan, brief=True, file=os.path.relpath(self._topology.path)).show(sys.stderr)

    def _refuse(self, plan: Plan) -> None:
        if plan.refusals:
            raise PermanentFailure(
                "HS-PLAN-004",
                "the plan must not be applied; nothing was changed",
                where=self._topology.name,
                why="; ".join(plan.refusals),
                hint="remove the causes, then plan again",
            )

    async def _run_steps(self, estate: Estate, steps: tuple[PlannedStep, ...]) -> RunOutcome:
        from hybridspan.engine.runner import Runner
        from hybridspan.plan.phases.verification import unproved
        from hybridspan.report.live import display
        from hybridspan.steps.registry import steps_for

        with display(steps) as shown:
            listener = Recorded(self._journal, self._run, shown)
            ask = asked_aside(shown, self._consent)
            outcome = await Runner(steps_for(steps, estate), listener, estate.clock, ask).run()
        compares = any(step.phase == "verify" for step in steps)
        return replace(outcome, unproved=unproved(self._topology, estate.decided) if compares else ())

    def _record(self, kind: str, document: Mapping[str, Any]) -> None:
        self._journal.append(self._run, kind, str(document.get("step", "")), document)

    def _conclude(self, outcome: RunOutcome) -> int:
        from hybridspan.report.endings import summary

        count = shlex.join(("hybridspan", "verify", os.path.relpath(self._topology.path), "--count"))
        text = summary(outcome, _command(self._topology.path, sorted(self._waived), self._goal), count)
        self._journal.finish(self._run, outcome.word, text)
        click.echo(text, err=True)
        if self._as_json:
            from hybridspan.report.documents import apply_document

            click.echo(json.dumps(apply_document(self._topology.name, outcome), indent=2))
        if outcome.word == "done":
            return EXIT_OK
        return EXIT_FAILED if outcome.failures else EXIT_PENDING


class Recorded:
    """Every event goes to the journal first, then to the screen."""

    def __init__(self, journal: SqliteJournal, run: int, shown: Display) -> None:
        self._journal = journal
        self._run = run
        self._shown = shown

    def event(self, kind: str, step: PlannedStep, document: Mapping[str, Any]) -> None:
        if kind != "checking":
            self._journal.append(self._run, kind, step.id, document)
        self._shown.event(kind, step, document)
