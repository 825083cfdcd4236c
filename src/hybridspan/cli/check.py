"""`hybridspan check`: the live pre-flight alone."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hybridspan.cli.opening import (
    TOPOLOGY_WORDS,
    carried_out,
    json_option,
    opened,
    refuse_slips,
    topology_argument,
    waive_option,
)
from hybridspan.errors import EXIT_FAILED, EXIT_OK


@click.command(epilog=TOPOLOGY_WORDS)
@topology_argument
@waive_option
@json_option
def check(topology_file: Path, waive: tuple[str, ...], as_json: bool) -> int:
    """Look for what would make a run fail or lose data, without changing anything."""
    from hybridspan.cli.plan import planned

    topology = opened(topology_file)
    refuse_slips(topology, waive)
    findings = carried_out(lambda: planned(topology, frozenset(waive)))[0].judgements
    if as_json:
        from hybridspan.report.documents import check_document

        click.echo(json.dumps(check_document(topology.name, findings), indent=2))
    else:
        from hybridspan.report.text import render_findings

        render_findings(findings).show()
    return EXIT_FAILED if any(f.severity == "refuse" for f in findings) else EXIT_OK
