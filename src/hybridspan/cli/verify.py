"""`hybridspan verify`: the proof, at any time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybridspan.cli.opening import carried_out, journal_of, json_option, opened, topology_argument
from hybridspan.errors import EXIT_OK, EXIT_PENDING, InputError
from hybridspan.topology.model import Topology

if TYPE_CHECKING:
    from hybridspan.cassandra.region import CassandraRegion
    from hybridspan.clock import Clock
    from hybridspan.journal.store import SqliteJournal
    from hybridspan.verification.counting import Progress
    from hybridspan.verification.model import VerificationResult


@click.command()
@topology_argument
@click.option(
    "--count", is_flag=True, help="Also count rows by token range in each data center; slow on large tables."
)
@json_option
def verify(topology_file: Path, count: bool, as_json: bool) -> int:
    """Compare every replica of every range of every keyspace; exit 3 when anything differs."""
    topology = opened(topology_file)
    if not topology.new_regions:
        raise InputError(
            "HS-CLI-003",
            "there is one data center: nothing to compare it with",
            where=str(topology.path),
            hint="add a region to the topology file",
        )
    with journal_of(topology) as journal:
        results = carried_out(lambda: _compare(topology, journal, count=count))
    _show(topology, results, as_json)
    return EXIT_OK if all(result.is_proved for result in results) else EXIT_PENDING


async def _compare(topology: Topology, journal: SqliteJournal, *, count: bool) -> list[VerificationResult]:
    from hybridspan.observation.estate import Estate
    from hybridspan.topology.loading import digest
    from hybridspan.verification.comparing import verify as compare

    run = journal.begin("verify", digest(topology))

    def record(kind: str, document: Mapping[str, Any]) -> None:
        journal.append(run, kind, "", document)

    def progress(text: str, _fraction: float | None, _details: Mapping[str, Any]) -> None:
        click.echo(text, err=True)

    results = []
    async with Estate(topology, record=record, memory=journal) as estate:
        for region in topology.new_regions:
            source = await estate.cassandra(topology.region_of(str(region.copy_from)))
            target = await estate.cassandra(region)
            result = await compare(target, source, estate.clock, progress)
            if count:
                result = await _counted(result, (source, target), estate.clock, progress)
            results.append(result)
            record("verification", results[-1].to_document())
    journal.finish(run, "done", "; ".join(result.sentence() for result in results))
    return results


async def _counted(
    result: VerificationResult, regions: Sequence[CassandraRegion], clock: Clock, progress: Progress
) -> VerificationResult:
    """The same result with each data center's number of rows beside every keyspace's verdict."""
    from hybridspan.verification.counting import count_rows

    names = [verdict.keyspace for verdict in result.keyspaces if not verdict.keyspace.startswith("system_")]
    counts = {r.region.datacenter: await count_rows(r, names, clock, progress) for r in regions}

    def rows(keyspace: str) -> dict[str, int]:
        return {str(dc): found[keyspace] for dc, found in counts.items() if keyspace in found}

    return replace(result, keyspaces=tuple(replace(v, rows=rows(v.keyspace)) for v in result.keyspaces))


def _show(topology: Topology, results: list[VerificationResult], as_json: bool) -> None:
    if as_json:
        from hybridspan.report.documents import verify_document

        click.echo(json.dumps(verify_document(topology.name, results), indent=2))
        return
    from hybridspan.report.verification import render_verification

    render_verification(results).show()
