"""What a deployment would send to Resource Manager, read back from an exported folder with the languages' own grammars.

Names are resolved as the tools would: the scope of a module, `parent`, outputs and attributes of what was made before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import hcl2
from tree_sitter import Language, Node, Parser
from tree_sitter_bicep import language

Document = dict[str, Any]
Made = Mapping[str, Document]
"""Answers of Resource Manager by the key of what was made."""


@dataclass(frozen=True)
class Request:
    """A PUT; `body` may need answers to earlier ones."""

    key: str
    id: str
    version: str
    needs: tuple[str, ...]
    body: Callable[[Made], Document]


@dataclass(frozen=True)
class Reference:
    """Something that is only known once another resource has been made."""

    key: str


def parsed(text: str) -> Node:
    tree = Parser(Language(language())).parse(text.encode())
    assert not tree.root_node.has_error, str(tree.root_node)
    return tree.root_node


def words(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()


def value(node: Node, names: Mapping[str, Any]) -> Any:
    """A Bicep expression; identifiers are looked up."""
    match node.type:
        case "string":
            text = "".join(words(part) for part in node.named_children)
            return text.replace("\\${", "${").replace("\\'", "'").replace("\\\\", "\\")
        case "number":
            return int(words(node))
        case "boolean":
            return words(node) == "true"
        case "null":
            return None
        case "array":
            return [value(item, names) for item in node.named_children]
        case "object":
            return properties(node, names)
        case "identifier":
            return names[words(node)]
        case "member_expression":
            return Reference(words(node).split(".")[0])
        case "call_expression":
            arguments = node.child_by_field_name("arguments") or node.named_children[-1]
            given = [value(item, names) for item in arguments.named_children]
            return (words(node.named_children[0]), *given)
    raise AssertionError(node.type)


def properties(node: Node, names: Mapping[str, Any]) -> Document:
    found: Document = {}
    for pair in node.named_children:
        key, item = pair.named_children
        found[words(key) if key.type == "identifier" else value(key, {})] = value(item, names)
    return found


def bicep_requests(files: Mapping[str, str]) -> list[Request]:
    main = parsed(files["main.bicep"])
    modules = [n for n in main.named_children if n.type == "module_declaration"]
    keys = {words(n.named_children[0]): words(n.named_children[0]) for n in modules}
    return [_of_module(node, keys, files) for node in modules]


def _of_module(node: Node, keys: Mapping[str, str], files: Mapping[str, str]) -> Request:
    symbol, file, body = node.named_children
    options = properties(body, keys)
    kind, *place = options["scope"]
    scope = f"/subscriptions/{place[0]}" + (f"/resourceGroups/{place[1]}" if kind == "resourceGroup" else "")
    module = parsed(files[value(file, {})])
    target = next(n for n in module.named_children if n.type == "target_scope_assignment")
    assert value(target.named_children[0], {}) == (
        "subscription" if kind == "subscription" else "resourceGroup"
    )
    return _of_resource(words(symbol), module, scope, options)


def _of_resource(key: str, module: Node, scope: str, options: Document) -> Request:
    parameters = {
        words(n.named_children[0]): n for n in module.named_children if n.type == "parameter_declaration"
    }
    assert set(parameters) == set(options.get("params", {})), key
    ids: dict[str, str] = {}
    for node in (n for n in module.named_children if n.type == "resource_declaration"):
        symbol, kind, body = node.named_children[0], node.named_children[1], node.named_children[-1]
        full, version = value(kind, {}).split("@")
        found = properties(body, {**{name: name for name in ids}, **options.get("params", {})})
        parent, inside = found.pop("parent", None), found.pop("scope", None)
        ids[words(symbol)] = _id(scope, full, found.pop("name"), ids.get(parent or ""), ids.get(inside or ""))
        if words(symbol) == "made":
            needs = tuple(options.get("dependsOn", ()))
            return Request(key, ids["made"], version, needs, lambda made, found=found: resolved(found, made))
    raise AssertionError(f"{key} makes nothing")


def _id(scope: str, full: str, name: str, parent: str | None, inside: str | None) -> str:
    if full == "Microsoft.Resources/resourceGroups":
        return f"{scope}/resourceGroups/{name}"
    if parent:
        return f"{parent}/{full.rsplit('/', 1)[1]}/{name}"
    return f"{inside or scope}/providers/{full}/{name}"


def resolved(item: Any, made: Made) -> Any:
    """The document with what earlier answers say put in."""
    if isinstance(item, Reference):
        return made[item.key]["identity"]["principalId"]
    if isinstance(item, dict):
        return {key: resolved(each, made) for key, each in item.items()}
    return [resolved(each, made) for each in item] if isinstance(item, list) else item


def terraform_requests(files: Mapping[str, str]) -> list[Request]:
    document = hcl2.loads(files["main.tf"])
    assert _bare(document["terraform"][0]["required_providers"][0]["azapi"])["source"] == "Azure/azapi"
    found = []
    for entry in document["resource"]:
        ((kind, named),) = entry.items()
        assert kind.strip('"') == "azapi_resource"
        ((key, body),) = named.items()
        found.append(_of_block(key.strip('"'), _bare(body)))
    return found


def _of_block(key: str, block: Document) -> Request:
    full, version = block["type"].split("@")
    parent, name = block["parent_id"], block["name"]
    own = f"{parent}/{full.rsplit('/', 1)[1]}/{name}"
    if full.count("/") == 1 and full != "Microsoft.Resources/resourceGroups":
        own = f"{parent}/providers/{full}/{name}"
    needs = tuple(ref.split(".")[1] for ref in block.get("depends_on", ()))
    document = {k: block[k] for k in ("location", "tags") if k in block} | block.get("body", {})
    if "identity" in block:
        document["identity"] = {"type": block["identity"][0]["type"]}
    return Request(key, own, version, needs, lambda made: resolved(document, made))


def _bare(item: Any) -> Any:
    """Without the parser's marks: quotes of strings and keys, `${}` around references."""
    if isinstance(item, dict):
        return {_string(k): _bare(v) for k, v in item.items() if k != "__is_block__"}
    if isinstance(item, list):
        return [_bare(each) for each in item]
    return _string(item) if isinstance(item, str) else item


def _string(text: str) -> Any:
    if text.startswith("${azapi_resource.") and text.endswith(".identity[0].principal_id}"):
        return Reference(text.split(".")[1])
    if text.startswith("${"):
        return text[2:-1]
    return text[1:-1].replace("$${", "${") if text.startswith('"') else text
