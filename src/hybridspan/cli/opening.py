"""What most commands begin with: the topology file, judged, and the journal and lock beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from hybridspan.cli.interruption import interruptible
from hybridspan.errors import TemporaryFailure, first_failure
from hybridspan.topology.model import Topology

if TYPE_CHECKING:
    from hybridspan.facts.world import WorldFacts
    from hybridspan.observation.estate import Estate

PATIENCE_SECONDS: Final = 90.0
"""How long a look at the world is tried again: the time in which a Cassandra node restarts."""

Result = TypeVar("Result")

topology_argument = click.argument(
    "topology_file",
    metavar="[TOPOLOGY]",
    default="hybrid.yaml",
    type=click.Path(path_type=Path, dir_okay=False),
)
TOPOLOGY_WORDS: Final = "TOPOLOGY is hybrid.yaml in this folder unless another file is named."

json_option = click.option(
    "--json", "as_json", is_flag=True, help="A stable JSON document on stdout; words on stderr."
)

waive_option = click.option(
    "--waive",
    multiple=True,
    metavar="NAME",
    help="A repair to go without: source-repair, or a step such as source-repair/centralus.",
)


def opened(path: Path) -> Topology:
    """The topology, when it has no error; InputError with all of them otherwise."""
    from hybridspan.topology.loading import load
    from hybridspan.topology.validation import refuse_errors

    topology = load(path)
    refuse_errors(topology)
    return topology


def refuse_slips(topology: Topology, waived: Collection[str]) -> None:
    """A name that waives nothing is told before anything is looked at."""
    from hybridspan.plan.phases.source_repair import refuse_slips

    refuse_slips(topology, waived)


def carried_out(main: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run a command's coroutine; Ctrl-C cancels it and lets it clean up for some seconds."""
    _silence_libraries()
    return asyncio.run(interruptible(main()))


def _silence_libraries() -> None:
    """What a library logs reaches the person once, as an error of ours, or not at all."""
    import logging

    for name in ("azure", "msal", "urllib3", "kubernetes", "cassandra", "websocket"):
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False


async def looked(estate: Estate) -> WorldFacts:
    """A look at everything with every room's checks; what restarts just now, perhaps through a run that was broken off, is
    asked again for a minute and a half."""
    from hybridspan.engine.retry import persist
    from hybridspan.observation.gather import gather

    async def look() -> WorldFacts:
        try:
            return await gather(estate, preflight=True)
        except BaseExceptionGroup as failures:
            raise first_failure(failures) from failures

    def told(failure: TemporaryFailure, seconds: float) -> None:
        click.echo(f"  {failure.message} [{failure.where}]: asked again in {seconds:.0f} s", err=True)

    return await persist(look, clock=estate.clock, patience=PATIENCE_SECONDS, on_retry=told)


@contextmanager
def journal_of(topology: Topology) -> Iterator[Any]:
    """The topology's journal, closed at the end."""
    from hybridspan.clock import SystemClock
    from hybridspan.journal.store import SqliteJournal
    from hybridspan.observation.estate import workdir_of

    journal = SqliteJournal(workdir_of(topology) / "journal.sqlite", SystemClock())
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def locked(topology: Topology, purpose: str) -> Iterator[None]:
    """Nobody else changes this topology meanwhile."""
    from hybridspan.journal.lock import exclusive
    from hybridspan.observation.estate import workdir_of

    with exclusive(workdir_of(topology) / "lock", purpose):
        yield
