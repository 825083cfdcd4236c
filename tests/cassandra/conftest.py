from __future__ import annotations

from pathlib import Path

import pytest

from tests.cassandra.pods import LocalPods


@pytest.fixture
def pods(tmp_path: Path) -> LocalPods:
    return LocalPods(tmp_path)
