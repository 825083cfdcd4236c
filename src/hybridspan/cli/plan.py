"""`hybridspan plan`: look, decide, show; changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hybridspan.cli.opening import (
    TOPOLOGY_WORDS,
    carried_out,
    journal_of,
    json_option,
    looked,
    opened,
    refuse_slips,
    topology_argument,
    waive_option,
)
from hybridspan.errors import EXIT_FAILED, EXIT_OK, EXIT_PENDING, InputError
from hybridspan.plan.model import Plan
from hybridspan.topology.model import Topology

if TYPE_CHECKING:
    from hybridspan.facts.world import WorldFacts


class PlanCommand(click.Command):
    """Lets `--export manifests` take the folder as a second word, which click's options cannot where they may be repeated."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words: list[str] = []
        rest = iter(args)
        for word in rest:
            following = next(rest, None) if word == "--export" else None
            if following == "manifests":
                words += ["--export-manifests", *([folder] if (folder := next(rest, None)) else [])]
            else:
                words += [word, *([following] if following is not None else [])]
        return super().parse_args(ctx, words)


@click.command(cls=PlanCommand, epilog=TOPOLOGY_WORDS)
@topology_argument
@click.option("--save", type=click.Path(path_type=Path), help="Keep the plan in a file for `apply FILE`.")
@click.option(
    "--export",
    "exports",
    type=click.Path(path_type=Path),
    multiple=True,
    help="runbook.md for a person, run.sh for bash, back-out.md for the way back, the folders `bicep` or `terraform` for "
    "Azure's part through a pipeline, or `manifests FOLDER` for Argo CD and Flux (with Helm); may be repeated.",
)
@click.option("--export-manifests", "folder", type=click.Path(path_type=Path, file_okay=False), hidden=True)
@click.option("--brief", is_flag=True, help="Only what is to be done, without the commands.")
@click.option("--exit-code", is_flag=True, help="Exit 3 when changes are pending.")
@waive_option
@json_option
def plan(
    topology_file: Path,
    save: Path | None,
    exports: tuple[Path, ...],
    folder: Path | None,
    brief: bool,
    exit_code: bool,
    waive: tuple[str, ...],
    as_json: bool,
) -> int:
    """Show what would be done and why, with the commands it stands for."""
    topology = opened(topology_file)
    refuse_slips(topology, waive)
    for path in exports:
        _refuse_unknown(path)
    made, facts = carried_out(lambda: planned(topology, frozenset(waive)))
    if folder:
        _export_manifests(made, topology, facts, folder)
    if save:
        _save(made, topology, save, waive)
    for path in exports:
        _export(made, topology, path)
    _show(made, topology_file, as_json, brief)
    if made.refusals:
        return EXIT_FAILED
    return EXIT_PENDING if exit_code and made.pending else EXIT_OK


def _refuse_unknown(path: Path) -> None:
    from hybridspan.plan.export import refuse_unknown

    refuse_unknown(path.name)


async def planned(topology: Topology, waived: frozenset[str]) -> tuple[Plan, WorldFacts]:
    """The plan, and the look that it follows from."""
    from hybridspan.observation.estate import Estate
    from hybridspan.plan.build import build
    from hybridspan.plan.phases.source_repair import with_waivers

    with journal_of(topology) as journal:
        async with Estate(topology, memory=journal) as estate:
            facts = await looked(estate)
            return with_waivers(topology, facts, build(topology, facts), waived), facts


def _show(made: Plan, file: Path, as_json: bool, brief: bool) -> None:
    if as_json:
        from hybridspan.report.documents import plan_document

        click.echo(json.dumps(plan_document(made), indent=2))
        return
    from hybridspan.report.text import render_plan

    render_plan(made, brief=brief, file=str(file)).show()


def _save(made: Plan, topology: Topology, path: Path, waived: tuple[str, ...]) -> None:
    from hybridspan.plan.saved import to_document

    path.write_text(json.dumps(to_document(made, topology.path, waived), indent=2) + "\n")
    click.echo(f"saved: {path}; carry it out with: hybridspan apply {path}", err=True)


def _export(made: Plan, topology: Topology, path: Path) -> None:
    from hybridspan.plan.export import export, export_folder

    files = export_folder(made, topology, path.name)
    if files is not None:
        _write_folder(path, files)
        return
    path.write_text(export(made, topology, path.name))
    if path.suffix == ".sh":
        path.chmod(0o755)
    click.echo(f"written: {path}", err=True)


def _export_manifests(made: Plan, topology: Topology, facts: WorldFacts, folder: Path) -> None:
    from hybridspan.apigee.manifests import exported

    for name, text in exported(made, topology, facts).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    click.echo(f"written: {folder}; begin with order.md of each region", err=True)


def _write_folder(path: Path, files: dict[str, str]) -> None:
    """Only over what an earlier export wrote: somebody's own modules stay."""
    from hybridspan.plan.export.declared import MARK

    for name in files:
        there = path / name
        if there.exists() and MARK not in there.read_text(errors="replace").partition("\n")[0]:
            raise InputError(
                "HS-PLAN-008",
                f"{there} exists, and no export wrote it",
                where="--export",
                hint=f"name another folder, such as hybridspan/{path.name}",
            )
    path.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (path / name).write_text(text)
    click.echo(f"written: {path} ({len(files)} files)", err=True)
