"""What can still be judged of a file whose shape is wrong: misspelt keys read as meant, unusable values left out.

Only for `validate`, which tells every problem at once; nothing is ever done with a topology that was salvaged.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hybridspan.topology.loading import LoadedTopology, from_source
from hybridspan.topology.problems import TopologyError
from hybridspan.topology.schema import keys_below
from hybridspan.topology.source import KeyPath, Source
from hybridspan.topology.suggestion import nearest

ROUNDS = 4
STAND_INS: dict[KeyPath, Any] = {
    ("apiVersion",): "hybridspan/v1",
    ("kind",): "HybridTopology",
    ("metadata",): {"name": "unnamed"},
    ("metadata", "name"): "unnamed",
    ("spec", "organization"): "unnamed",
}
"""For what no rule judges together with something else."""


def salvaged(source: Source) -> LoadedTopology | None:
    """The topology without what is wrong in its shape; None where too little remains to judge."""
    from pydantic import ValidationError

    from hybridspan.topology.document import TopologyShape

    if not isinstance(source.value, dict):
        return None
    value = deepcopy(source.value)
    for _ in range(ROUNDS):
        try:
            TopologyShape.model_validate(value)
        except ValidationError as wrong:
            mended = [_mend(value, tuple(e["loc"]), e["type"]) for e in wrong.errors(include_url=False)]
            if not any(mended):
                return None
            continue
        try:
            return from_source(Source(value, source.where))
        except TopologyError:
            return None
    return None


def _mend(value: Any, path: KeyPath, kind: str) -> bool:
    """Changes `value` so that the problem at `path` is gone; False where that cannot be done honestly."""
    parent = _at(value, path[:-1])
    if isinstance(parent, dict) and path in STAND_INS:
        parent[path[-1]] = deepcopy(STAND_INS[path])
        return True
    if kind == "missing" or not isinstance(parent, dict) or path[-1] not in parent:
        return False
    wrong = parent.pop(path[-1])
    if kind == "extra_forbidden":
        meant = nearest(str(path[-1]), keys_below(path[:-1]))
        if meant and meant not in parent:
            parent[meant] = wrong
    return True


def _at(value: Any, path: KeyPath) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value
