"""The real helm pulls from the lab's registry."""

from __future__ import annotations

import asyncio
import socket

import pytest

from hybridspan_lab.helm import registry as registries
from hybridspan_lab.helm.charts import CHARTS, CRDS
from hybridspan_lab.world.record import REPOSITORY
from tests.lab_helm.conftest import VERSION


@pytest.fixture
async def address(folder):
    served = registries.Registry()
    served.add_all(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    runner = await registries.serve(served, port)
    yield f"oci://127.0.0.1:{port}/{REPOSITORY}"
    await runner.cleanup()


async def test_helm_pulls_a_chart_with_all_its_files(address, helm, folder, tmp_path):
    pull = (
        "pull",
        f"{address}/apigee-operator",
        "--version",
        VERSION,
        "--untar",
        "--untardir",
        str(tmp_path),
    )
    await asyncio.to_thread(helm, *pull)
    pulled = {str(f.relative_to(tmp_path)) for f in (tmp_path / "apigee-operator").rglob("*") if f.is_file()}
    there = {str(f.relative_to(folder)) for f in (folder / "apigee-operator").rglob("*") if f.is_file()}
    assert pulled == there
    assert (tmp_path / CRDS / "kustomization.yaml").is_file()


async def test_helm_sees_every_chart(address, helm):
    for chart in CHARTS:
        said = await asyncio.to_thread(helm, "show", "chart", f"{address}/{chart}", "--version", VERSION)
        assert f"version: {VERSION}" in said.stdout


async def test_a_version_that_is_not_there_is_refused(address, helm):
    command = ("show", "chart", f"{address}/apigee-org", "--version", "1.9.0")
    said = await asyncio.to_thread(lambda: helm(*command, expect=1))
    assert "1.9.0: not found" in said.stderr


def test_a_package_has_the_same_bytes_every_time(folder):
    chart = folder / "apigee-redis"
    assert registries.packaged(chart) == registries.packaged(chart)
