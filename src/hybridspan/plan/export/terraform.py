"""Steps 1 to 7 as Terraform, with Microsoft's azapi provider: it takes the very documents that Resource Manager takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from hybridspan.plan.export.declared import MARK, Declared, declared, left_out
from hybridspan.plan.model import Plan
from hybridspan.topology.model import Topology

HEAD: Final = """\
# {mark}
# What is missing in Azure for {name}: networks, peerings, clusters and the ports between them, as hybridspan would make it.
# terraform init, plan, apply: -parallelism may stay as it is, what takes one writer at a time stands in a chain.
# Afterwards `hybridspan apply` finds nothing to do in these steps, and goes on with those after them.
# For one apply, with a state of its own: a later export declares only what is missing then, and over this one's state Terraform would
# destroy all that has been made. Clusters hold data: what holds others may not be destroyed, whatever a later change says.
"""
PROVIDER: Final = """\
terraform {{
  required_providers {{
    azapi = {{
      source  = "Azure/azapi"
      version = ">= 2.0"
    }}
  }}
}}

provider "azapi" {{
  subscription_id = {subscription}
}}
"""
UNCHECKED: Final = "schema_validation_enabled = false"
"""Azure judges these documents itself; a release of azapi that does not know an api-version yet would refuse them unseen."""
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def terraform(plan: Plan, topology: Topology) -> dict[str, str]:
    """Files by name."""
    resources = declared(plan)
    remarks = [f"# Not in here: {reason}" for reason in left_out(plan)]
    remarks += [f"# The plan is refused: {reason}" for reason in plan.refusals]
    parts = [HEAD.format(mark=MARK, name=topology.name).rstrip(), *remarks, ""]
    parts += [PROVIDER.format(subscription=_text(topology.first.subscription))]
    parts += [_resource(each, resources) for each in resources]
    return {"main.tf": "\n".join(parts)}


def _resource(each: Declared, resources: tuple[Declared, ...]) -> str:
    body = dict(each.resource.body)
    lines = [f"# {each.title}", f'resource "azapi_resource" "{each.key}" {{']
    lines += [
        f"  type      = {_text(f'{each.type}@{each.version}')}",
        f"  parent_id = {_text(_parent(each))}",
    ]
    lines.append(f"  name      = {_text(each.name)}")
    if location := body.pop("location", None):
        lines.append(f"  location  = {_text(location)}")
    lines += ["", f"  {UNCHECKED}", ""]
    if tags := body.pop("tags", None):
        lines += _attribute("tags", tags)
    if identity := body.pop("identity", None):
        lines += ["  identity {", f"    type = {_text(identity['type'])}", "  }"]
    if cluster := next((r for r in resources if r.resource.id == each.resource.principal_of), None):
        principal = _Expression(f"azapi_resource.{cluster.key}.identity[0].principal_id")
        body["properties"] = {**body["properties"], "principalId": principal}
    if body:
        lines += _attribute("body", body)
    if each.needs:
        lines += ["  depends_on = [", *(f"    azapi_resource.{need}," for need in each.needs), "  ]"]
    if _holds_others(each):
        lines += ["  lifecycle {", "    prevent_destroy = true", "  }"]
    return "\n".join([*lines, "}", ""])


def _holds_others(each: Declared) -> bool:
    """Groups, networks and clusters."""
    return "location" in each.resource.body


def _parent(each: Declared) -> str:
    """Groups lie in a subscription, whose id azapi wants in full."""
    return "/" + each.parent.strip("/")


class _Expression(str):
    """Text that is Terraform's language already."""

    __slots__ = ()


def _attribute(name: str, value: Any) -> list[str]:
    first, *others = _value(value, 1)
    return [f"  {name} = {first}", *others]


def _value(value: Any, depth: int) -> list[str]:
    """Lines; the first one follows what stands before it."""
    inner, end = "  " * (depth + 1), "  " * depth
    if isinstance(value, _Expression):
        return [str(value)]
    if isinstance(value, Mapping):
        lines = [f"{inner}{line}" if is_first else line for is_first, line in _pairs(value, depth + 1)]
        return ["{", *lines, f"{end}}}"] if lines else ["{}"]
    if isinstance(value, list | tuple):
        return _list(value, depth)
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if value is None:
        return ["null"]
    return [str(value)] if isinstance(value, int) else [_text(str(value))]


def _pairs(mapping: Mapping[str, Any], depth: int) -> Iterator[tuple[bool, str]]:
    """Lines, and whether one begins a pair; the signs of neighbours that take one line stand below one another."""
    written = [
        (key if _PLAIN.fullmatch(key) else _text(key), _value(item, depth)) for key, item in mapping.items()
    ]
    for is_single, group in groupby(written, lambda pair: len(pair[1]) == 1):
        pairs = list(group)
        width = max(len(name) for name, _ in pairs) if is_single else 0
        for name, (first, *others) in pairs:
            yield True, f"{name:{width}} = {first}"
            yield from ((False, line) for line in others)


def _list(values: list[Any] | tuple[Any, ...], depth: int) -> list[str]:
    lines: list[str] = []
    for item in values:
        *before, last = _value(item, depth + 1)
        lines += [*before, f"{last},"]
    indent = "  " * (depth + 1)
    opened = [f"{indent}{line}" if not line.startswith(" ") else line for line in lines]
    return ["[", *opened, f"{'  ' * depth}]"] if lines else ["[]"]


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
