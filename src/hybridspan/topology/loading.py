"""From a YAML file to a `Topology`.

A file of the wrong shape ends in one TopologyError (an InputError) that lists every problem with its line.
Whether the values make sense together is not asked here: see `validation`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from hybridspan.topology.model import Topology
from hybridspan.topology.problems import Problem, TopologyError
from hybridspan.topology.source import KeyPath, Source, SourceMap, dotted, read_source
from hybridspan.topology.suggestion import did_you_mean

SHAPE = "HS-TOPOLOGY-001"


@dataclass(frozen=True, slots=True)
class LoadedTopology:
    """A topology and where its parts stand in the file."""

    topology: Topology
    where: SourceMap


def load(path: Path | str) -> Topology:
    """The topology declared in a file; TopologyError with every problem of its shape."""
    return read(path).topology


def read(path: Path | str) -> LoadedTopology:
    """Like `load`, with the lines of the file's keys."""
    source = read_source(Path(path).absolute())
    return from_source(source)


def from_source(source: Source) -> LoadedTopology:
    """The topology in YAML that has been parsed already."""
    from pydantic import ValidationError

    from hybridspan.topology.conversion import to_topology
    from hybridspan.topology.document import TopologyShape

    if not isinstance(source.value, dict):
        raise TopologyError(
            [
                _problem(
                    source.where,
                    (),
                    "the file holds no topology: it must be a mapping",
                    "write one with `hybridspan init`",
                )
            ]
        )
    try:
        shape = TopologyShape.model_validate(source.value)
    except ValidationError as wrong:
        found = [_explain(source, error) for error in wrong.errors(include_url=False)]
        raise TopologyError([*found, *_homeless(source)]) from wrong
    homeless = list(_homeless(source))
    if homeless:
        raise TopologyError(homeless)
    return LoadedTopology(to_topology(shape, source.where), source.where)


def digest(topology: Topology) -> str:
    """SHA-256 (hex) of what is declared: equal for files that differ in comments, order of keys or spelt-out defaults."""
    return hashlib.sha256(json.dumps(to_document(topology), sort_keys=True).encode()).hexdigest()


def to_document(topology: Topology) -> dict[str, Any]:
    """The declared values as JSON has them, without lines; paths are relative to the topology file."""
    document: dict[str, Any] = _plain(topology, topology.path.parent)
    del document["path"]
    for region in document["regions"]:
        del region["line"]
    return document


def _plain(value: Any, base: Path) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), base) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item, base) for item in value]
    if isinstance(value, Path):
        return os.path.relpath(value, base)
    return str(value) if isinstance(value, IPv4Network) else value


def _homeless(source: Source) -> Iterator[Problem]:
    """Regions without a subscription or resource group of their own or inherited."""
    spec = source.value.get("spec")
    if not isinstance(spec, dict):
        return
    azure = spec.get("azure") if isinstance(spec.get("azure"), dict) else {}
    regions = spec.get("regions") if isinstance(spec.get("regions"), list) else []
    for key in ("subscription", "resourceGroup"):
        if (azure or {}).get(key):
            continue
        for index, region in enumerate(regions or []):
            if isinstance(region, dict) and not region.get(key):
                path: KeyPath = ("spec", "regions", index)
                message = (
                    f"region `{region.get('name', index)}` has no {key}, and spec.azure has none to inherit"
                )
                yield _problem(source.where, path, message, f"add spec.azure.{key}")


def _problem(where: SourceMap, path: KeyPath, message: str, remedy: str = "") -> Problem:
    return Problem(SHAPE, "error", where.file, where.line(path), dotted(path), message, remedy=remedy)


def _explain(source: Source, error: Any) -> Problem:
    """One of pydantic's findings as a sentence about the file."""
    path: KeyPath = tuple(error["loc"])
    if error["type"] == "missing":
        return _problem(source.where, path, f"`{dotted(path)}` is missing", f"add `{path[-1]}`")
    if error["type"] == "extra_forbidden":
        known = _known_keys(path[:-1])
        remedy = f"allowed here: {', '.join(known)}" if known else "remove it"
        guess = did_you_mean(str(path[-1]), known)
        return _problem(source.where, path, f"unknown key `{dotted(path)}`{guess}", remedy)
    return _problem(source.where, path, _sentence(path, error))


def _sentence(path: KeyPath, error: Any) -> str:
    given, context = error["input"], error.get("ctx", {})
    name = f"`{dotted(path)}`"
    if error["type"] == "literal_error":
        words = str(context["expected"]).replace("'", "")
        guess = did_you_mean(str(given), [w.strip() for w in words.replace(" or ", ", ").split(",")])
        return f"{name} is {given!r}; it must be {words}{guess}"
    if error["type"] == "value_error":
        return f"{name} ({given}) {context['error']}"
    if error["type"] == "string_type":
        return f"{name} is {given!r}; it must be text (put it in quotes)"
    if error["type"] == "string_pattern_mismatch":
        return f"{name} is {given!r}, which does not have the form {context['pattern']}"
    if given is None:
        return f"{name} is empty"
    return f"{name} is {given!r}: {str(error['msg'])[:1].lower()}{str(error['msg'])[1:]}"


def _known_keys(parents: KeyPath) -> tuple[str, ...]:
    """Keys that the shape allows below a path."""
    from hybridspan.topology.schema import keys_below

    return keys_below(parents)
