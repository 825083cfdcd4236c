"""What the lab asks of the Apigee controllers: a file that every cluster gets as a config map, also one that comes later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from hybridspan_lab.apigee import names
from hybridspan_lab.apigee.objects import object_of
from hybridspan_lab.arm.documents import write_atomically
from hybridspan_lab.kubeapi import KubeApi

FIELD_MANAGER: Final = "hybridspan-lab"
REPLICATION_LIES: Final = {"without-rebuild": "lies", "without-anything": "lies-at-once"}
"""How an operator lies: after it has widened the keyspaces, or before it has done anything."""


def read(file: Path) -> dict[str, str]:
    """The wishes, none where there is no file."""
    return dict(json.loads(file.read_text())) if file.exists() else {}


def keep(file: Path, name: str, value: str) -> dict[str, str]:
    """Adds one, or takes it back where the value is empty; returns all."""
    wishes = {key: old for key, old in {**read(file), name: value}.items() if old}
    write_atomically(file, json.dumps(wishes))
    return wishes


async def give(api: KubeApi, wishes: dict[str, str]) -> None:
    """Makes them known in one cluster; those of another writer of the config map stay."""
    document = object_of("v1", "ConfigMap", names.LAB_OPTIONS, names.LAB_NAMESPACE)
    document["data"] = wishes
    await api.apply("/api/v1", "configmaps", document, names.LAB_NAMESPACE, field_manager=FIELD_MANAGER)
