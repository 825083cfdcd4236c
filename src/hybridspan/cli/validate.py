"""`hybridspan validate`: every problem of the files at once, without looking at anything live."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hybridspan.cli.opening import TOPOLOGY_WORDS, json_option, topology_argument
from hybridspan.errors import EXIT_INPUT, EXIT_OK


@click.command(epilog=TOPOLOGY_WORDS)
@topology_argument
@click.option("--print-schema", is_flag=True, help="Print the JSON Schema of the topology file instead.")
@json_option
def validate(topology_file: Path, print_schema: bool, as_json: bool) -> int:
    """Judge a topology file and the overrides beside it: shape, addresses, names, replicas, agreement."""
    if print_schema:
        from hybridspan.topology.schema import schema_text

        click.echo(schema_text(), nl=False)
        return EXIT_OK
    from hybridspan.report.problems import problems_text, validation_document
    from hybridspan.topology.validation import examine

    found = examine(topology_file)
    if as_json:
        click.echo(json.dumps(validation_document(topology_file, found), indent=2))
    else:
        click.echo(problems_text(topology_file, found))
    return EXIT_INPUT if found.errors else EXIT_OK
