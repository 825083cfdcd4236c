"""Where a pod's own paths are: at the root, or below a folder where nothing can be mounted (the fall-back without namespaces)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ROOT_VARIABLE: Final = "HYBRIDSPAN_POD_ROOT"
ADDRESS_VARIABLE: Final = "HYBRIDSPAN_LAB_ADDRESS"
"""The pod's own address, set only where all pods share the machine's network."""


def in_pod(path: str) -> Path:
    """A path of the pod as this program of the pod must open it."""
    return Path(f"{os.environ.get(ROOT_VARIABLE, '')}{path}")


def own_address() -> str | None:
    """The only address that a program of this pod may listen on; None where the pod has a network of its own."""
    return os.environ.get(ADDRESS_VARIABLE)
