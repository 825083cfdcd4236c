"""`hybridspan demo`: a fresh rehearsal lab, one region that lives, a second one added, every row proved.

The demo calls the same commands that a person would, in processes of their own, with nothing but the environment that
`hybridspan lab env` prints: what it shows is what production would get.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click

from hybridspan.cli.typed import typed
from hybridspan.errors import EXIT_OK, InputError, PermanentFailure

EXAMPLES = {"apigeectl": "two-regions", "helm": "helm-two-regions"}
"""Which packaged example each installer rehearses."""


@click.command()
@click.option(
    "--rows", default=20_000, show_default=True, help="Rows that the first region holds before it begins."
)
@click.option("--keep", is_flag=True, help="Leave the lab running for a look around.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("hybridspan-demo"),
    show_default=True,
    help="Where the topology, the overrides and the report go.",
)
@click.option(
    "--installer",
    type=click.Choice(list(EXAMPLES)),
    default="apigeectl",
    show_default=True,
    help="What installs Apigee: apigeectl (up to 1.11) or the real helm (from 1.12 on).",
)
@click.option("--example", help="Another packaged example than the installer's own.")
def demo(rows: int, keep: bool, directory: Path, installer: str, example: str | None) -> int:
    """Start a lab, fill it, plan, apply, verify, and write the report."""
    return Demo(rows, keep, directory.resolve(), example or EXAMPLES[installer]).run()


class Demo:
    """The five acts, with their times."""

    def __init__(self, rows: int, keep: bool, directory: Path, example: str) -> None:
        self._rows = rows
        self._keep = keep
        self._directory = directory
        self._example = example
        self._times: list[tuple[str, float]] = []
        self._environment: Mapping[str, str] = {}

    def run(self) -> int:
        self._announce()
        lab = self._lab()
        self._refuse_another(lab)
        topology = self._prepare()
        try:
            self._act("lab up: the first region, as it exists", lambda: self._up(topology))
            self._act(
                f"lab fill: {self._rows} rows",
                lambda: self._command("lab", "fill", "--rows", str(self._rows)),
            )
            self._act(
                "plan: what would be done, and why", lambda: self._command("plan", str(topology), "--brief")
            )
            self._act("apply: do it", lambda: self._apply(topology))
            self._act("verify: prove it", lambda: self._command("verify", str(topology), "--count"))
            self._act("status: what is true now", lambda: self._command("status", str(topology)))
            report = self._directory / "report.html"
            self._act("report", lambda: self._command("status", str(topology), "--html", str(report)))
        finally:
            self._end(lab)
        self._summary()
        return EXIT_OK

    def _announce(self) -> None:
        """What the lab's network cannot show comes first."""
        from hybridspan_lab import control

        if words := control.notice(Path(self._lab()["HYBRIDSPAN_LAB_HOME"])):
            click.echo(words)

    def _refuse_another(self, lab: Mapping[str, str]) -> None:
        """Before anything is touched: the demo ends the lab that it finds in its home, so that must be its own."""
        from hybridspan_lab import control

        if not control.is_taken(Path(lab["HYBRIDSPAN_LAB_HOME"])):
            return
        other = "unset" if "HYBRIDSPAN_LAB_HOME" in os.environ else "name another --directory or set"
        raise InputError(
            "HS-LAB-026",
            "a lab is already running there, and the demo needs one of its own",
            where=lab["HYBRIDSPAN_LAB_HOME"],
            hint=f"{other} HYBRIDSPAN_LAB_HOME; or end that lab, if nobody needs it: {_typed(lab, 'lab down')}",
        )

    def _prepare(self) -> Path:
        """A working copy of the example; what a run leaves beside a topology file stays out of the package."""
        from hybridspan_lab.examples import example_directory, example_names

        try:
            example = example_directory(self._example)
        except FileNotFoundError as error:
            hint = f"one of: {', '.join(example_names())}"
            raise InputError("HS-CLI-015", str(error), where="--example", hint=hint) from error
        self._directory.mkdir(parents=True, exist_ok=True)
        for source in sorted(example.iterdir()):
            if source.suffix == ".yaml":
                self._copy(source, self._directory / source.name)
        self._put_aside(self._directory / ".hybridspan")
        return self._directory / "hybrid.yaml"

    def _copy(self, source: Path, target: Path) -> None:
        if not target.exists():
            shutil.copy(source, target)
        elif target.read_bytes() != source.read_bytes():
            raise InputError(
                "HS-CLI-011",
                f"{target.name} there is not that of the example {self._example}",
                where=str(self._directory),
                hint="name another folder: hybridspan demo --directory NAME",
            )

    def _put_aside(self, journal: Path) -> None:
        """What an earlier demo remembers is of a lab that is gone; it is kept, but not believed."""
        if journal.exists():
            journal.rename(journal.with_name(time.strftime(".hybridspan-before-%Y%m%d-%H%M%S")))

    def _lab(self) -> Mapping[str, str]:
        """The demo's own lab, so that one that the person keeps is not in the way."""
        home = os.environ.get("HYBRIDSPAN_LAB_HOME") or str(self._directory / ".lab")
        return {**os.environ, "HYBRIDSPAN_LAB_HOME": home}

    def _up(self, topology: Path) -> None:
        from hybridspan_lab import control

        self._environment = self._lab()
        self._command("lab", "up", str(topology))
        self._environment = {
            **self._environment,
            **control.environment(Path(self._environment["HYBRIDSPAN_LAB_HOME"])),
        }

    def _apply(self, topology: Path) -> None:
        self._command("apply", str(topology), "--yes", "--past-no-return")

    def _command(self, *arguments: str) -> None:
        click.secho("$ hybridspan " + " ".join(arguments), bold=True, err=True)
        done = subprocess.run(
            [sys.executable, "-m", "hybridspan", *arguments],
            env=dict(self._environment),
            cwd=self._directory,
            check=False,
        )
        if done.returncode != EXIT_OK:
            raise PermanentFailure(
                "HS-CLI-010",
                f"hybridspan {arguments[0]} ended with exit code {done.returncode}",
                where=str(self._directory),
                hint="its own words stand above; with --keep the lab stays for a look",
            )

    def _act(self, title: str, work: object) -> None:
        click.secho(f"\n── {title} ", bold=True, fg="cyan", err=True)
        began = time.monotonic()
        work()  # type: ignore[operator]
        self._times.append((title, time.monotonic() - began))

    def _end(self, lab: Mapping[str, str]) -> None:
        if self._keep:
            click.echo(f'\nthe lab stays. To use it:  eval "$({_typed(lab, "lab env")})"', err=True)
            click.echo(f"To end it:  {_typed(lab, 'lab down')}", err=True)
            return
        self._environment = lab
        subprocess.run([sys.executable, "-m", "hybridspan", "lab", "down"], env=dict(lab), check=False)

    def _summary(self) -> None:
        click.secho("\n── done", bold=True, fg="green")
        for title, seconds in self._times:
            click.echo(f"{seconds:8.1f} s  {title}")
        click.echo(f"{sum(s for _, s in self._times):8.1f} s  in all")
        click.echo(f"report: {self._directory / 'report.html'}")


def _typed(lab: Mapping[str, str], command: str) -> str:
    return typed(command, lab["HYBRIDSPAN_LAB_HOME"], anywhere=True)
