from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from hybridspan_lab.arm import NullHost, Settings
from tests.lab_arm.client import ArmClient, running

FAST = Settings(clock_scale=0.02, throttling=False)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "arm"


@pytest.fixture
def host() -> NullHost:
    return NullHost(seconds=0.05)


@pytest.fixture
async def arm(state_dir: Path, host: NullHost) -> AsyncIterator[ArmClient]:
    async with running(state_dir, host, FAST) as client:
        yield client


@pytest.fixture
async def group(arm: ArmClient) -> Callable[..., Any]:
    await arm.put(arm.group(), {"location": "eastus"})
    return arm.group
