"""`hybridspan verify`: the proof, at any time."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hybridspan.cli.opening import (
    TOPOLOGY_WORDS,
    carried_out,
    journal_of,
    json_option,
    locked,
    opened,
    topology_argument,
)
from hybridspan.errors import EXIT_OK, EXIT_PENDING, InputError, TemporaryFailure
from hybridspan.topology.model import Region, Topology

if TYPE_CHECKING:
    from hybridspan.cassandra.region import CassandraRegion
    from hybridspan.clock import Clock
    from hybridspan.journal.store import SqliteJournal
    from hybridspan.observation.estate import Estate
    from hybridspan.progress import Progress
    from hybridspan.verification.mending import Mend
    from hybridspan.verification.model import KeyspaceVerdict, VerificationResult

Result = TypeVar("Result")


@click.command(epilog=TOPOLOGY_WORDS)
@topology_argument
@click.option(
    "--count", is_flag=True, help="Also count rows by token range in each data center; slow on large tables."
)
@click.option(
    "--repair", is_flag=True, help="Mend just what differs, by full repairs of those ranges; asks first."
)
@click.option("--yes", is_flag=True, help="With --repair: do not ask.")
@json_option
def verify(topology_file: Path, count: bool, repair: bool, yes: bool, as_json: bool) -> int:
    """Compare every replica of every range of every keyspace; exit 3 when anything differs."""
    topology = opened(topology_file)
    if not topology.new_regions:
        raise InputError(
            "HS-CLI-003",
            "there is one data center: nothing to compare it with",
            where=str(topology.path),
            hint="add a region to the topology file",
        )
    if repair and not yes:
        _refuse_without_a_yes()
    with journal_of(topology) as journal:
        results = _compared(topology, journal, count=count)
        if repair and any(result.has_differences for result in results):
            _show(topology, results, as_json=False, err=True)
            results = _mended(topology, journal, results, yes=yes)
    _show(topology, results, as_json)
    return EXIT_OK if all(result.is_proved for result in results) else EXIT_PENDING


def _compared(topology: Topology, journal: SqliteJournal, *, count: bool) -> list[VerificationResult]:
    """Each region's result. Where a comparison fails, those that came to their end are shown before the error."""
    results: list[VerificationResult] = []
    try:
        carried_out(lambda: _compare(topology, journal, results, count=count))
    except BaseException:
        if results:
            _show(topology, results, as_json=False, err=True)
        raise
    return results


@contextmanager
def _run_of(journal: SqliteJournal, kind: str, topology: Topology) -> Iterator[int]:
    """A run that does not stand in the journal as still running when it has failed."""
    from hybridspan.topology.loading import digest

    run = journal.begin(kind, digest(topology))
    try:
        yield run
    except BaseException as error:
        journal.finish(run, "failed", f"{type(error).__name__}: {error}")
        raise


async def _compare(
    topology: Topology, journal: SqliteJournal, results: list[VerificationResult], *, count: bool
) -> None:
    """Add each region's result as soon as there is one."""
    with _run_of(journal, "verify", topology) as run:
        await _compare_all(topology, journal, run, results, count=count)
        journal.finish(run, "done", "; ".join(result.sentence() for result in results))


async def _compare_all(
    topology: Topology, journal: SqliteJournal, run: int, results: list[VerificationResult], *, count: bool
) -> None:
    from hybridspan.observation.estate import Estate
    from hybridspan.observation.proofs import keep_proof
    from hybridspan.report.live import OneLine

    def record(kind: str, document: Mapping[str, Any]) -> None:
        journal.append(run, kind, "", document)

    async with Estate(topology, record=record, memory=journal) as estate:
        with OneLine() as progress:
            for region in topology.new_regions:
                once = partial(_compare_one, estate, region, progress)
                result = await _patiently(once, estate.clock, progress)
                # The proof is kept before rows are counted, which takes long and proves less.
                results.append(result)
                record("verification", result.to_document())
                if result.is_proved:
                    await _patiently(partial(keep_proof, estate, region), estate.clock, progress)
                if count:
                    regions = [await estate.cassandra(r) for r in (_source(topology, region), region)]
                    results[-1] = await _counted(result, regions, estate.clock, progress)
                    record("verification", results[-1].to_document())


async def _compare_one(estate: Estate, region: Region, progress: Progress) -> VerificationResult:
    from hybridspan.verification.comparing import verify as compare

    source = await estate.cassandra(_source(estate.topology, region))
    target = await estate.cassandra(region)
    return await compare(target, source, estate.clock, progress, partial(estate.cassandras, source))


def _source(topology: Topology, region: Region) -> Region:
    return topology.region_of(str(region.copy_from))


async def _patiently(call: Callable[[], Awaitable[Result]], clock: Clock, progress: Progress) -> Result:
    """The call's result; what fails for a moment is tried again, as long as apply tries it."""
    from hybridspan.engine.retry import persist
    from hybridspan.engine.runner import PATIENCE_SECONDS

    def told(failure: TemporaryFailure, seconds: float) -> None:
        progress(f"{failure.message} [{failure.where}]: asked again in {seconds:.0f} s", None, {})

    return await persist(call, clock=clock, patience=PATIENCE_SECONDS, on_retry=told)


def _mended(
    topology: Topology, journal: SqliteJournal, results: list[VerificationResult], *, yes: bool
) -> list[VerificationResult]:
    """What the comparison finds after the repairs; the same results where the person said no."""
    todo = carried_out(lambda: _to_mend(topology, results))
    for each in todo:
        click.echo(f"to mend: {each.reason}\n    $ nodetool {' '.join(each.arguments)}", err=True)
    if not _agreed(len(todo), yes=yes):
        return results
    with locked(topology, "verify --repair"):
        carried_out(lambda: _mend(topology, journal, todo))
        return _compared(topology, journal, count=False)


async def _to_mend(topology: Topology, results: Sequence[VerificationResult]) -> tuple[Mend, ...]:
    """The repairs of what differs, by where the ranges are now."""
    from hybridspan.observation.estate import Estate
    from hybridspan.report.live import OneLine
    from hybridspan.verification.mending import mends

    async with Estate(topology) as estate:
        with OneLine() as progress:

            async def once() -> tuple[Mend, ...]:
                first = await estate.cassandra(topology.first)
                return mends(results, await first.members(), await first.owners())

            return await _patiently(once, estate.clock, progress)


def _agreed(count: int, *, yes: bool) -> bool:
    question = f"Start {count} repairs? They stream what differs between the regions."
    return yes or click.confirm(question, err=True)


def _refuse_without_a_yes() -> None:
    """Told before the comparison, which may take hours."""
    if not sys.stdin.isatty():
        raise InputError(
            "HS-CLI-004",
            "verify --repair needs a yes, and there is no terminal to ask on",
            hint="look at what differs (hybridspan verify), then: hybridspan verify --repair --yes",
        )


async def _mend(topology: Topology, journal: SqliteJournal, todo: Sequence[Mend]) -> None:
    from hybridspan.observation.estate import Estate
    from hybridspan.report.live import OneLine
    from hybridspan.steps.mending import mend
    from hybridspan.verification.mending import by_node

    with _run_of(journal, "verify --repair", topology) as run:

        def record(kind: str, document: Mapping[str, Any]) -> None:
            journal.append(run, kind, "", document)

        async with Estate(topology, record=record, memory=journal) as estate:
            compared = estate.clock.now()
            with OneLine() as progress:
                # Node by node, so that what one has repaired is not repaired again because another failed.
                for wanted in by_node(todo).values():
                    once = partial(mend, estate, wanted, progress, since=compared)
                    await _patiently(once, estate.clock, progress)
        journal.finish(run, "done", f"{len(todo)} repairs completed")


async def _counted(
    result: VerificationResult, regions: Sequence[CassandraRegion], clock: Clock, progress: Progress
) -> VerificationResult:
    """The same result with each data center's number of rows beside every keyspace's verdict, or why it was not counted."""
    from hybridspan.verification.counting import count_rows

    names = [verdict.keyspace for verdict in result.keyspaces if not verdict.keyspace.startswith("system_")]
    counts = {str(r.region.datacenter): await count_rows(r, names, clock, progress) for r in regions}

    def with_rows(verdict: KeyspaceVerdict) -> KeyspaceVerdict:
        name = verdict.keyspace
        rows = {dc: found.rows[name] for dc, found in counts.items() if name in found.rows}
        gaps = [f"not counted in {dc}: {c.missing[name]}" for dc, c in counts.items() if name in c.missing]
        return replace(verdict, rows=rows, summary="; ".join((verdict.summary, *gaps)))

    return replace(result, keyspaces=tuple(map(with_rows, result.keyspaces)))


def _show(topology: Topology, results: list[VerificationResult], as_json: bool, *, err: bool = False) -> None:
    if as_json:
        from hybridspan.report.documents import verify_document

        click.echo(json.dumps(verify_document(topology.name, results), indent=2))
        return
    from hybridspan.report.verification import render_verification

    render_verification(results, os.path.relpath(topology.path)).show(sys.stderr if err else None)
