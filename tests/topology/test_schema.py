from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from hybridspan.topology.schema import keys_below, schema_text, topology_schema

from .conftest import EXAMPLES

PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas" / "topology.schema.json"


def test_the_published_schema_is_current():
    assert PUBLISHED.read_text() == schema_text(), (
        "write it anew: hybridspan validate --print-schema > docs/schemas/…"
    )


@pytest.mark.parametrize("example", sorted(p.parent.name for p in EXAMPLES.glob("*/hybrid.yaml")))
def test_the_examples_satisfy_the_published_schema(example):
    document = YAML(typ="safe").load((EXAMPLES / example / "hybrid.yaml").read_text())
    jsonschema.Draft202012Validator(json.loads(PUBLISHED.read_text())).validate(document)


def test_the_schema_itself_is_one_and_explains_every_key():
    jsonschema.Draft202012Validator.check_schema(topology_schema())
    for name, shape in topology_schema()["$defs"].items():
        for key, value in shape["properties"].items():
            assert "description" in value or "$ref" in value or key == "mode", (
                f"{name}.{key} is not explained"
            )


def test_the_keys_that_a_place_allows_are_known():
    assert "addressPrefixes" in keys_below(("spec", "regions", 0, "network"))
    assert "maxPods" in keys_below(("spec", "regions", 1, "cluster", "nodePools", 0))
    assert keys_below(("nowhere",)) == ()
