"""The existing region is installed as its owner did it: each command when what it needs is there."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from hybridspan_lab.world import hybrid


@pytest.fixture
def told(monkeypatch) -> list[str]:
    """What happens, in order; the controller is ready at the third look."""
    story: list[str] = []
    waits = ["not found", "not ready", ""]

    async def run(_kubeconfig, _overrides, *command):
        story.append(" ".join(command))

    async def nothing(*_):
        return ""

    async def controller(_api):
        return waits.pop(0)

    async def unready(_api, _overrides):
        return
        yield

    @asynccontextmanager
    async def api(_kubeconfig):
        yield None

    monkeypatch.setattr(hybrid.KubeApi, "from_kubeconfig", api)
    monkeypatch.setattr(hybrid, "_apigeectl", run)
    monkeypatch.setattr(hybrid, "_prepare", nothing)
    monkeypatch.setattr(hybrid, "_read", lambda _overrides: {})
    monkeypatch.setattr(hybrid, "POLL_SECONDS", 0.0)
    for name, replaced in {"patiently": nothing, "controller": controller, "unready": unready}.items():
        monkeypatch.setattr(hybrid.readiness, name, replaced)
    return story


async def test_nothing_is_applied_before_the_controller_answers(told, tmp_path):
    await hybrid.install(tmp_path, tmp_path, progress=told.append)
    assert told[1:] == ["apigeectl init", "init", "not found", "not ready", "apigeectl apply", "apply"]
