"""`hybridspan lab …`: the rehearsal lab. Thin: the lab itself is a package of its own, imported when a command runs."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import click

from hybridspan.cli.lab_faults import fault
from hybridspan.cli.typed import typed
from hybridspan.errors import EXIT_OK

NAME_WIDTH = 46


@click.group()
def lab() -> None:
    """The rehearsal lab: real Cassandra, real Kubernetes, and an Azure and an Apigee that behave like them."""


def _announce(*, err: bool = False) -> None:
    """What this lab cannot show comes before anything else; on stderr where stdout is for a program."""
    from hybridspan_lab import control

    if words := control.notice():
        click.echo(words, err=err)


@lab.command(short_help="Start a lab in which a first region exists already.")
@click.argument("topology", type=click.Path(path_type=Path, dir_okay=False, exists=True), required=False)
@click.option(
    "--system-keyspaces",
    type=click.Choice(["installed", "simple"]),
    default="installed",
    show_default=True,
    help="Start them as an installation has them, or as Cassandra's own defaults (SimpleStrategy).",
)
@click.option(
    "--network",
    type=click.Choice(["auto", "namespaces", "loopback"]),
    help="Real networks in user namespaces, or the fall-back on loopback addresses, which shows less; auto takes the"
    " real ones where the kernel allows them.  [default: HYBRIDSPAN_LAB_NETWORK, or auto]",
)
@click.option(
    "--regions",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many of TOPOLOGY's regions exist already, peered and joined to one ring.",
)
@click.option(
    "--cassandra",
    type=click.Choice(["4.0", "3.11"]),
    default="4.0",
    show_default=True,
    help="4.0 can compare replicas; 3.11 is what apigeectl's releases ship, and proves nothing.",
)
@click.option("--bare", is_flag=True, help="Only the Azure stand-in: nothing exists yet.")
def up(
    topology: Path | None,
    system_keyspaces: str,
    network: str | None,
    regions: int,
    cassandra: str,
    bare: bool,
) -> int:
    """Start a lab in which the first region of TOPOLOGY (default: the two-regions example) exists already."""
    from hybridspan_lab import control

    options = control.UpOptions(
        topology=topology,
        system_keyspaces="simple" if system_keyspaces == "simple" else "installed",
        regions=regions,
        cassandra=cassandra,
        bare=bare,
        network=network,  # type: ignore[arg-type] # the choice has no other words
    )
    home = str(options.home) if "HYBRIDSPAN_LAB_HOME" in os.environ else None
    try:
        control.up(options, say=click.echo, progress=control.TextBar())
    except KeyboardInterrupt:
        click.echo(f"what was begun of the lab stays; to end it:  {typed('lab down', home)}", err=True)
        raise
    click.echo(f'\nto use it:  eval "$({typed("lab env", home)})"')
    click.echo(f"to end it:  {typed('lab down', home)}")
    return EXIT_OK


@lab.command(short_help="End the lab and remove all that it made.")
def down() -> int:
    """End the lab and remove everything that it made, also after a crash."""
    from hybridspan_lab import control

    _announce()
    click.echo("the lab is gone" if control.down() else "there was no lab")
    return EXIT_OK


@lab.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON document on stdout.")
def status(as_json: bool) -> int:
    """Show what runs where, with which memory."""
    from hybridspan_lab import control

    found = control.status()
    _announce(err=as_json)
    click.echo(json.dumps(found, indent=2) if as_json else _table(found))
    return EXIT_OK


@lab.command(short_help="Print what points programs at the lab, for eval.")
def env() -> int:
    """Print what points az, kubectl, helm, apigeectl, cqlsh, nodetool and hybridspan at the lab."""
    from hybridspan_lab import control

    _announce(err=True)
    click.echo(control.exports())
    return EXIT_OK


@lab.command()
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=20_000,
    show_default=True,
    help="How many rows are loaded at once.",
)
@click.option(
    "--large",
    type=click.IntRange(min=0),
    default=0,
    help="How many cache entries of 128 KiB besides, which do not compress.",
)
@click.option("--rate", type=float, help="Keep writing at this many rows a second until interrupted.")
@click.option("--seconds", type=float, help="With --rate: end after so many seconds.")
@click.option("--context", help="Kube context of the cluster to load through; default: the first.")
def fill(rows: int, large: int, rate: float | None, seconds: float | None, context: str | None) -> int:
    """Load data of Apigee's shape into the existing region."""
    from hybridspan_lab import control

    _announce()
    return control.fill(rows, rate, seconds, context=context, large=large)


lab.add_command(fault)


def _table(found: dict[str, Any]) -> str:
    lines = [
        f"lab: {found['mode']}",
        f"home {found['home']}   Azure stand-in {found['arm']}",
        f"topology {found['topology']}   up for {_minutes(time.time() - found['since'])}",
    ]
    if not found["clusters"]:
        lines.append("no cluster yet")
    for cluster in found["clusters"]:
        lines.append(f"\n{cluster['name']} ({cluster['location']})  {cluster['server']}")
        lines += [_program_line(program) for program in cluster["programs"]]
        lines += _pod_lines(cluster["pods"])
    lines.append(f"\nmemory in all: {_mebibytes(found['memory'])}")
    return "\n".join([*lines, *_endings(found["clusters"])])


def _endings(clusters: list[dict[str, Any]]) -> list[str]:
    """Where to look for why a program ended, and what to do about it."""
    ended = [
        f"{program['name']} of {cluster['name']} has ended; its log is {program['log']}"
        for cluster in clusters
        for program in cluster["programs"]
        if not program["running"]
    ]
    move = "nothing starts it again: hybridspan lab down, and lab up begins anew"
    return ["", *ended, move] if ended else []


def _program_line(program: dict[str, Any]) -> str:
    state = "running" if program["running"] else "ENDED"
    return f"  {program['name']:<{NAME_WIDTH}} {state:<10} {_mebibytes(program['memory']):>9}"


def _pod_lines(pods: list[dict[str, Any]]) -> list[str]:
    """The pods, but for those that have done their work: they only have a number."""
    ended = sum(pod["phase"] == "Succeeded" for pod in pods)
    lines = [_pod_line(pod) for pod in pods if pod["phase"] != "Succeeded"]
    several = "pods" if ended > 1 else "pod"
    return [*lines, f"  and {ended} {several} of jobs that have ended well"] if ended else lines


def _pod_line(pod: dict[str, Any]) -> str:
    name = _cut(f"{pod['namespace']}/{pod['name']}", NAME_WIDTH)
    place = f"{pod['address']:<15} {_node(pod['node'])}"
    restarts = f"   restarts: {pod['restarts']}" if pod["restarts"] else ""
    return f"  {name:<{NAME_WIDTH}} {_state(pod):<10} {_mebibytes(pod['memory']):>9}  {place}{restarts}"


def _state(pod: dict[str, Any]) -> str:
    if pod["ready"]:
        return "ready"
    return "not ready" if pod["phase"] == "Running" else pod["phase"] or "waiting"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _node(name: str) -> str:
    """`aks-apigeedata-65570056-vmss000001` → `apigeedata 1`."""
    pool = name.removeprefix("aks-").split("-")[0]
    number = name.rpartition("vmss")[2].lstrip("0") or "0"
    return f"{pool} {number}" if "vmss" in name else name


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
