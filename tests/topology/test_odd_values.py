"""Whatever stands in place of a value, the file is judged in words."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from hybridspan.report.problems import problems_text
from hybridspan.topology.validation import examine

from .conftest import EXAMPLES

EXAMPLE = EXAMPLES / "three-regions"
ODD: tuple[Any, ...] = (
    *(None, 0, -1, 3.5, True, "", "x" * 300, [], {}, ["a"], {"a": 1}, 10**30, "a\nb", "☃", [None]),
    *("0.0.0.0/0", "255.255.255.255/32", "10.0.0.0/31", "10.0.0.0/99", "::/0", "dc-1", "eastus"),
)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def with_odd_value(document: Any, chance: random.Random) -> Any:
    changed = copy.deepcopy(document)
    *above, last = chance.choice(list(places(document)))
    node = changed
    for key in above:
        node = node[key]
    node[last] = chance.choice(ODD)
    return changed


@pytest.mark.parametrize("name", ["hybrid.yaml", "overrides_apigee-eastus.yaml"])
def test_odd_values_end_in_words(tmp_path, name):
    yaml, chance = YAML(), random.Random(7)
    for file in EXAMPLE.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text())
    document = YAML(typ="safe").load((EXAMPLE / name).read_text())
    for _ in range(60):
        with (tmp_path / name).open("w") as file:
            yaml.dump(with_odd_value(document, chance), file)
        assert problems_text(tmp_path / "hybrid.yaml", examine(tmp_path / "hybrid.yaml"))
