"""Plays a scenario on real networks: a driver in a process of its own, which enters a lab's root and cannot come back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

DRIVER_SECONDS = 240
ROOT = Path(__file__).parents[2]


def played(driver: Path, names: Path) -> Any:
    """What a driver saw; `names` is where its networks' names are kept."""
    module = ".".join(driver.relative_to(ROOT).with_suffix("").parts)
    argv = [sys.executable, "-m", module, str(names)]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=DRIVER_SECONDS)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
