"""`hybridspan lab fault …`: troubles on purpose, Azure's and Apigee's by options, all others as one JSON document."""

from __future__ import annotations

import json
from typing import Any

import click

from hybridspan.errors import EXIT_OK


class Faults(click.Group):
    """A group that takes a JSON document in place of a command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A first word that begins a JSON object is no command's name."""
        if args and args[0].lstrip().startswith("{"):
            return "document", self.commands["document"], args
        return super().resolve_command(ctx, args)


@click.group(
    cls=Faults,
    subcommand_metavar="azure … | apigee … | DOCUMENT",
    short_help="Make trouble in Azure, in Apigee, or by a JSON object.",
)
def fault() -> None:
    """Make trouble: `azure` or `apigee` by options, or a JSON object such as {"kind": "pause", …} (docs/rehearsal-lab.md)."""


@fault.command(hidden=True)
@click.argument("document")
def document(document: str) -> int:
    """Any trouble, as the lab's own words for it."""
    try:
        request = json.loads(document)
    except ValueError as error:
        raise click.UsageError(f"DOCUMENT is not JSON: {error}") from error
    return _ask(request)


@fault.command(short_help="Let Azure's stand-in refuse, delay or cut requests.")
@click.argument("kind", required=False)
@click.option(
    "--on", "operation", help="Which requests: peering.put, subnet.*, cluster.delete, network-poll.get, …"
)
@click.option("--path", "path_part", help="Only those whose path holds this.")
@click.option("--nth", type=click.IntRange(min=1), help="The first one struck; default 1.")
@click.option("--times", type=click.IntRange(min=1), help="How many are struck; default 1.")
@click.option(
    "--seconds", type=float, help="How long `slow` holds a request, or the Retry-After of a refusal."
)
@click.option("--status", type=click.IntRange(400, 599), help="HTTP status of the kind `refuse`.")
@click.option("--code", help="Azure's error code, instead of the kind's own.")
@click.option("--message", help="The error's words, instead of the kind's own.")
@click.option("--clear", is_flag=True, help="Forget all faults.")
def azure(kind: str | None, clear: bool, **where: Any) -> int:
    """Let Azure's stand-in refuse, delay or cut requests; without KIND, list what is set (docs/lab-azure.md).

    \b
    KIND is one of
      429, 500, 503, 409, refuse
      not-provisioned, retryable, busy
      not-registered, forbidden, quota
      slow, reset, lost-answer, fails-at-end, never-ends
    """
    wanted = {name: value for name, value in where.items() if value is not None}
    if clear:
        return _ask({"clear": None})
    if kind is None:
        if wanted:
            raise click.UsageError("name the KIND of fault, for example 429, slow or never-ends")
        return _ask({})
    return _ask({"kind": kind, **wanted})


@fault.command(short_help="Let the operators report a copy that they have not made.")
@click.argument("kind", type=click.Choice(["replication-lies"]))
@click.option(
    "--how",
    type=click.Choice(["without-rebuild", "without-anything", "never"]),
    default="without-rebuild",
    show_default=True,
    help="Widen the keyspaces and copy nothing, do nothing at all, or be honest again.",
)
def apigee(kind: str, how: str) -> int:
    """Let the operators of all clusters report a copy that they have not made (docs/lab-helm.md)."""
    return _ask({"kind": kind, "how": how})


def _ask(request: dict[str, Any]) -> int:
    from hybridspan_lab import control

    if words := control.notice():
        click.echo(words, err=True)
    click.echo(json.dumps(control.fault(request), indent=2))
    return EXIT_OK
