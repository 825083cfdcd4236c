"""`hybridspan support-bundle`: what support asks for first, in one archive, without secrets."""

from __future__ import annotations

import io
import json
import platform
import sys
import tarfile
import time
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path

import click

from hybridspan import __version__
from hybridspan.cli.opening import TOPOLOGY_WORDS, carried_out, journal_of, json_option, topology_argument
from hybridspan.errors import EXIT_OK, HybridspanError
from hybridspan.topology.model import Topology

NOT_AVAILABLE = "-not-available.txt"


@click.command(epilog=TOPOLOGY_WORDS)
@topology_argument
@click.option(
    "--output", type=click.Path(path_type=Path), help="The archive; default hybridspan-support-<time>.tar.gz."
)
@click.option("--offline", is_flag=True, help="Without a look at what is there now.")
@json_option
def support_bundle(topology_file: Path, output: Path | None, offline: bool, as_json: bool) -> int:
    """Collect versions, topology, journal, ring and logs, redacted."""
    from hybridspan.topology.loading import load

    topology = load(topology_file)
    path = output or Path(time.strftime("hybridspan-support-%Y%m%d-%H%M%S.tar.gz"))
    parts = {"versions.json": _versions(), "topology.yaml": topology.path.read_text()}
    parts |= _journal(topology)
    if not offline:
        parts |= carried_out(lambda: _live(topology))
    _write(path, parts)
    for name in parts:
        if name.endswith(NOT_AVAILABLE):
            click.echo(f"{name}: {parts[name]}", err=True)
    click.echo(json.dumps({"file": str(path), "parts": sorted(parts)}, indent=2) if as_json else str(path))
    return EXIT_OK


def _versions() -> str:
    packages = {d.metadata["Name"]: d.version for d in distributions()}
    document = {
        "hybridspan": __version__,
        "python": sys.version,
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items())),
    }
    return json.dumps(document, indent=2)


def _journal(topology: Topology) -> dict[str, str]:
    """The journal's lines as far as it can be read: a damaged one is what support is asked about."""
    lines: list[str] = []
    parts: dict[str, str] = {}
    try:
        with journal_of(topology) as journal:
            lines += (json.dumps({"run": asdict(run)}) for run in journal.runs())
            lines += (json.dumps(asdict(event)) for event in journal.events())
    except HybridspanError as error:
        parts[f"journal{NOT_AVAILABLE}"] = _reasons(error)
    return parts | ({"journal.jsonl": "\n".join(lines) + "\n"} if lines or not parts else {})


async def _live(topology: Topology) -> dict[str, str]:
    """Facts and logs as far as they can be had; what cannot is named in the bundle."""
    from hybridspan.journal.redaction import redact, redact_text
    from hybridspan.observation.estate import Estate
    from hybridspan.observation.gather import gather

    parts: dict[str, str] = {}
    async with Estate(topology) as estate:
        try:
            facts = await gather(estate, preflight=True)
        except (HybridspanError, BaseExceptionGroup) as error:
            parts[f"findings{NOT_AVAILABLE}"] = _reasons(error)
            try:
                facts = await gather(estate, partial=True)
            except (HybridspanError, BaseExceptionGroup) as again:
                return {f"facts{NOT_AVAILABLE}": _reasons(again)}
        parts["facts.json"] = json.dumps(redact(asdict(facts)), indent=2, default=str)
        for region in topology.regions:
            objects = facts.regions[region.name].cluster
            for pod in objects.cassandra_pods if objects else ():
                name = f"logs/{region.name}/{pod.name}"
                try:
                    cluster = await estate.cluster(region)
                    log = await cluster.logs(region.namespace, pod.name, tail=2000)
                except HybridspanError as error:
                    parts[f"{name}{NOT_AVAILABLE}"] = _reasons(error)
                else:
                    parts[f"{name}.log"] = redact_text("\n".join(log))
    return parts


def _reasons(error: BaseException) -> str:
    """Every failure of a group in words, redacted."""
    from hybridspan.journal.redaction import redact_text

    if isinstance(error, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(_reasons(each) for each in error.exceptions))
    return redact_text(f"{type(error).__name__}: {error}")


def _write(path: Path, parts: dict[str, str]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in parts.items():
            content = text.encode()
            entry = tarfile.TarInfo(f"hybridspan-support/{name}")
            entry.size, entry.mtime, entry.mode = len(content), int(time.time()), 0o600
            archive.addfile(entry, io.BytesIO(content))
    path.chmod(0o600)
