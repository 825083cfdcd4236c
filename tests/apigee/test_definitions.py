"""When a definition that an API server has is the chart's."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hybridspan.apigee.definitions import is_as_in

CHART: dict[str, Any] = {
    "spec": {
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}},
            }
        ]
    }
}


def live(**changes: Any) -> dict[str, Any]:
    document = copy.deepcopy(CHART)
    document["spec"]["versions"][0] |= changes
    return document


def schema(**properties: Any) -> dict[str, Any]:
    return {"openAPIV3Schema": {"type": "object", "properties": properties}}


def test_a_definition_is_as_in_itself():
    assert is_as_in(CHART, live())


def test_what_an_api_server_adds_or_leaves_out_as_empty_is_no_difference():
    assert is_as_in(CHART, live(storage=True, subresources={}))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "v1"},
        {"served": False},
        {"schema": schema()},
        {"schema": schema(spec={"type": "string"})},
        {"schema": schema(spec={"type": "object"}, more={"type": "string"})},
    ],
)
def test_another_release_is_seen(changes: dict[str, Any]):
    assert not is_as_in(CHART, live(**changes))


def test_a_version_more_is_another_release():
    document = live()
    document["spec"]["versions"].append({"name": "v1"})
    assert not is_as_in(CHART, document)
