"""The command line: thin. Each command's module is imported when it is called, so that `--help` answers at once."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Final

import click

from hybridspan import __version__

COMMANDS: Final = {
    "demo": (
        "hybridspan.cli.demo:demo",
        "The whole expansion on a fresh rehearsal lab, from nothing to the proof.",
    ),
    "init": (
        "hybridspan.cli.init:init",
        "Write a topology file, by questions or from an existing installation.",
    ),
    "validate": ("hybridspan.cli.validate:validate", "Judge a topology file offline: every problem at once."),
    "check": ("hybridspan.cli.check:check", "Look for known pitfalls in the live installation, read-only."),
    "plan": (
        "hybridspan.cli.plan:plan",
        "What would be done and why, step by step, with the commands it stands for.",
    ),
    "apply": (
        "hybridspan.cli.apply:apply",
        "Do it: checked before, verified after, goes on after any interruption.",
    ),
    "status": (
        "hybridspan.cli.status:status",
        "Networks, peerings, ring, replication and seed, now.",
    ),
    "verify": ("hybridspan.cli.verify:verify", "Prove that the data centers hold the same data."),
    "support-bundle": (
        "hybridspan.cli.support:support_bundle",
        "Collect what support asks for first, redacted.",
    ),
    "lab": ("hybridspan.cli.lab:lab", "The rehearsal lab: up, down, status, env, fill, fault."),
}


class LazyGroup(click.Group):
    """A group whose commands are known by name and imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="hybridspan")
def cli() -> None:
    """Take an Apigee hybrid installation on AKS from one region to many, and prove that every row arrived.

    \b
    Exit codes: 0 done or nothing to do, 1 failed, 2 bad input, 3 changes pending or differences,
    4 someone else holds the lock, 130 interrupted.

    Where a command takes a TOPOLOGY, it is hybrid.yaml in this folder unless another file is named.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every failure becomes words and an exit code, never a traceback."""
    from hybridspan.cli.endings import ended

    sys.exit(ended(lambda: _invoke(arguments), arguments if arguments is not None else sys.argv[1:]))


def _invoke(arguments: list[str] | None) -> int:
    outcome: Any = cli.main(args=arguments, prog_name="hybridspan", standalone_mode=False)
    return outcome if isinstance(outcome, int) else 0
