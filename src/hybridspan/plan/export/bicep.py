"""Steps 1 to 7 as Bicep: a module for each resource, and one file that puts them into their resource groups in order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from hybridspan.facts.azure_versions import BY_TYPE
from hybridspan.plan.export.declared import MARK, Declared, declared, left_out
from hybridspan.plan.model import Plan
from hybridspan.topology.model import Topology

HEAD: Final = """\
// {mark}
// What is missing in Azure for {name}: networks, peerings, clusters and the ports between them, as hybridspan would make it.
// az deployment sub create --subscription {subscription} --location {location} --template-file main.bicep
// Afterwards `hybridspan apply` finds nothing to do in these steps, and goes on with those after them.
"""
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LONGEST_NAME: Final = 64


def bicep(plan: Plan, topology: Topology) -> dict[str, str]:
    """Files by name; `main.bicep` is the one to deploy."""
    resources = declared(plan)
    files = {f"{each.key}.bicep": _module(each, resources) for each in resources}
    return {"main.bicep": _main(plan, topology, resources), **files}


def _main(plan: Plan, topology: Topology, resources: tuple[Declared, ...]) -> str:
    first = topology.first
    head = HEAD.format(mark=MARK, name=topology.name, subscription=first.subscription, location=first.name)
    remarks = [f"// Not in here: {reason}" for reason in left_out(plan)]
    remarks += [f"// The plan is refused: {reason}" for reason in plan.refusals]
    lines = [head.rstrip(), *remarks, "targetScope = 'subscription'"]
    for each in resources:
        lines += ["", f"// {each.title}", *_use(each, resources)]
    return "\n".join(lines) + "\n"


def _use(each: Declared, resources: tuple[Declared, ...]) -> list[str]:
    is_group = each.type.lower() == "microsoft.resources/resourcegroups"
    place = f"subscription({_text(each.subscription)})"
    if not is_group:
        place = f"resourceGroup({_text(each.subscription)}, {_text(each.group)})"
    lines = [
        f"module {each.key} '{each.key}.bicep' = {{",
        f"  name: {_text(deployment_name(each.key))}",
        f"  scope: {place}",
    ]
    if cluster := _principal(each, resources):
        lines += ["  params: {", f"    principalId: {cluster.key}.outputs.principalId", "  }"]
    if each.needs:
        lines += ["  dependsOn: [", *(f"    {need}" for need in each.needs), "  ]"]
    return [*lines, "}"]


def deployment_name(key: str) -> str:
    """A name that Azure takes for a deployment: at most 64 characters, and still its own."""
    name = f"hybridspan-{key}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 9]}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _principal(each: Declared, resources: tuple[Declared, ...]) -> Declared | None:
    return next((r for r in resources if r.resource.id == each.resource.principal_of), None)


def _module(each: Declared, resources: tuple[Declared, ...]) -> str:
    is_group = each.type.lower() == "microsoft.resources/resourcegroups"
    lines = [f"// {MARK}", f"targetScope = '{'subscription' if is_group else 'resourceGroup'}'", ""]
    body: dict[str, Any] = dict(each.resource.body)
    link = ""
    if _principal(each, resources):
        lines += ["param principalId string", "", *_existing(each.parent.split("/"))]
        link = "  scope: owner"
        body["properties"] = {**body["properties"], "principalId": _Expression("principalId")}
    elif each.type.count("/") > 1:
        lines += _existing(each.parent.split("/"))
        link = "  parent: owner"
    lines += [f"resource made '{each.type}@{each.version}' = {{", f"  name: {_text(each.name)}"]
    lines += [*([link] if link else []), *_pairs(body, 1), "}"]
    if any(r.resource.principal_of == each.resource.id for r in resources):
        lines += ["", "output principalId string = made.identity.principalId"]
    return "\n".join(lines) + "\n"


def _existing(parent: list[str]) -> list[str]:
    """The resource that another one lies in, and the one above it where there is one; the last is called `owner`."""
    provider, *rest = parent[parent.index("providers") + 1 :]
    types, names = rest[::2], rest[1::2]
    lines: list[str] = []
    for depth, name in enumerate(names, start=1):
        kind = "/".join([provider, *types[:depth]])
        symbol = "owner" if depth == len(names) else f"above{depth}"
        lines.append(f"resource {symbol} '{kind}@{BY_TYPE[kind.lower()]}' existing = {{")
        lines += [f"  parent: above{depth - 1}"] if depth > 1 else []
        lines += [f"  name: {_text(name)}", "}", ""]
    return lines


class _Expression(str):
    """Text that is Bicep already."""

    __slots__ = ()


def _pairs(mapping: Mapping[str, Any], depth: int) -> list[str]:
    lines: list[str] = []
    for key, value in mapping.items():
        first, *others = _value(value, depth)
        name = key if _PLAIN.fullmatch(key) else _text(key)
        lines += [f"{'  ' * depth}{name}: {first}", *others]
    return lines


def _value(value: Any, depth: int) -> list[str]:
    """Lines; the first one follows what stands before it."""
    end = "  " * depth
    if isinstance(value, _Expression):
        return [str(value)]
    if isinstance(value, Mapping):
        return ["{", *_pairs(value, depth + 1), f"{end}}}"] if value else ["{}"]
    if isinstance(value, list | tuple):
        lines = [line for item in value for line in _item(item, depth + 1)]
        return ["[", *lines, f"{end}]"] if lines else ["[]"]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if value is None:
        return ["null"]
    return [str(value)] if isinstance(value, int) else [_text(str(value))]


def _item(value: Any, depth: int) -> list[str]:
    first, *others = _value(value, depth)
    return [f"{'  ' * depth}{first}", *others]


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    return f"'{escaped}'"
