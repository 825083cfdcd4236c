"""The JSON Schema of the topology file, for editors and for `validate --print-schema`."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hybridspan.topology.source import KeyPath

SCHEMA_NAME = "topology.schema.json"


@cache
def topology_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a topology file."""
    from hybridspan.topology.document import TopologyShape

    schema = TopologyShape.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:hybridspan:v1:{SCHEMA_NAME}",
        **schema,
        "title": "hybridspan topology",
    }


def schema_text() -> str:
    """The schema as it is published: indented, with a newline at its end."""
    return json.dumps(topology_schema(), indent=2) + "\n"


def keys_below(parents: KeyPath) -> tuple[str, ...]:
    """Names that the shape allows as children of a path, such as `("spec", "regions", 0)`; empty where unknown."""
    node = topology_schema()
    for part in parents:
        node = _resolve(_child(node, part))
    return tuple(_resolve(node).get("properties", {}))


def _child(node: dict[str, Any], part: str | int) -> dict[str, Any]:
    if isinstance(part, int):
        found: dict[str, Any] = node.get("items", {})
        return found
    child: dict[str, Any] = node.get("properties", {}).get(part, {})
    return child


def _resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Follows a reference, and in `x or null` the x."""
    for option in node.get("anyOf", []):
        if option.get("type") != "null":
            return _resolve(option)
    reference = node.get("$ref")
    if reference is None:
        return node
    resolved: dict[str, Any] = topology_schema()["$defs"][reference.rsplit("/", 1)[-1]]
    return resolved
