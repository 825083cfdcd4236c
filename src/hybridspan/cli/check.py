"""`hybridspan check`: the live pre-flight alone."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hybridspan.cli.opening import carried_out, json_option, opened, topology_argument
from hybridspan.errors import EXIT_FAILED, EXIT_OK
from hybridspan.facts.world import Finding

COLOURS = {"refuse": "red", "warn": "yellow", "unknown": "magenta", "pass": "green"}


@click.command()
@topology_argument
@json_option
def check(topology_file: Path, as_json: bool) -> int:
    """Look for what would make a run fail or lose data, without changing anything."""
    from hybridspan.cli.plan import planned

    topology = opened(topology_file)
    findings = carried_out(lambda: planned(topology)).findings
    if as_json:
        from hybridspan.report.documents import check_document

        click.echo(json.dumps(check_document(topology.name, findings), indent=2))
    else:
        for finding in sorted(findings, key=lambda f: list(COLOURS).index(f.severity)):
            click.echo(_line(finding))
    return EXIT_FAILED if any(f.severity == "refuse" for f in findings) else EXIT_OK


def _line(finding: Finding) -> str:
    word = click.style(f"{finding.severity:8}", fg=COLOURS[finding.severity])
    hint = f"\n{'':9}next: {finding.hint}" if finding.hint else ""
    return f"{word} {finding.check:20} {finding.where}: {finding.message}{hint}"
