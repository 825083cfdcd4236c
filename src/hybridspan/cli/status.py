"""`hybridspan status`: what is true now."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hybridspan.cli.opening import (
    TOPOLOGY_WORDS,
    carried_out,
    journal_of,
    json_option,
    opened,
    topology_argument,
)
from hybridspan.errors import EXIT_FAILED, EXIT_OK, HybridspanError, first_failure
from hybridspan.topology.model import Topology

if TYPE_CHECKING:
    from hybridspan.facts.world import WorldFacts


@click.command(epilog=TOPOLOGY_WORDS)
@topology_argument
@click.option("--watch", is_flag=True, help="Look again until interrupted.")
@click.option(
    "--interval",
    type=click.FloatRange(min=1.0),
    default=5.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--html", type=click.Path(path_type=Path), help="Write the whole report as one HTML page.")
@json_option
def status(topology_file: Path, watch: bool, interval: float, html: Path | None, as_json: bool) -> int:
    """Networks, peerings, ring, replication matrix, seed and the progress of rebuilds, as they are now."""
    topology = opened(topology_file)
    if html:
        _page(topology, html)
        return EXIT_OK
    complete = carried_out(lambda: _look(topology, as_json, interval if watch else None))
    return EXIT_OK if complete else EXIT_FAILED


async def _look(topology: Topology, as_json: bool, interval: float | None) -> bool:
    """Shows what can be seen; False where something could not."""
    from hybridspan.observation.estate import Estate
    from hybridspan.observation.gather import gather
    from hybridspan.observation.rebuilds import RebuildWatch

    async with Estate(topology) as estate:
        watch = RebuildWatch(estate)

        async def once() -> bool:
            facts = await watch.look(await gather(estate, partial=True))
            if interval is not None and not as_json and sys.stdout.isatty():
                click.clear()
            _show(topology, facts, as_json)
            return not facts.unseen

        if interval is None:
            return await once()
        while True:
            with going_on():
                await once()
            if not as_json:
                words = f"{_clock(estate.clock.now())}; looks again every {interval:.0f} s, Ctrl-C ends it"
                click.echo(words, err=True)
            await estate.clock.sleep(interval)


@contextmanager
def going_on() -> Iterator[None]:
    """Who watches is told of a look that failed, and looks again."""
    from hybridspan.cli.endings import show

    try:
        yield
    except (HybridspanError, BaseExceptionGroup) as error:
        failure = first_failure(error)
        if not isinstance(failure, HybridspanError):
            raise
        show(failure)


def _clock(moment: float) -> str:
    return f"as of {datetime.fromtimestamp(moment).astimezone():%H:%M:%S}"


def _show(topology: Topology, facts: WorldFacts, as_json: bool) -> None:
    if as_json:
        from hybridspan.report.documents import status_document

        click.echo(json.dumps(status_document(topology, facts), indent=2))
        return
    from hybridspan.report.status import render_status

    render_status(topology, facts).show()


def _page(topology: Topology, path: Path) -> None:
    from hybridspan.observation.estate import Estate
    from hybridspan.observation.gather import gather
    from hybridspan.plan.build import build
    from hybridspan.report.assembly import assemble
    from hybridspan.report.html import page

    with journal_of(topology) as journal:

        async def look() -> WorldFacts:
            async with Estate(topology, memory=journal) as estate:
                return await gather(estate, preflight=True)

        facts = carried_out(look)
        path.write_text(page(assemble(topology, facts, build(topology, facts), journal)))
    click.echo(f"written: {path}", err=True)
