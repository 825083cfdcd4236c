"""The real helm signs in to the lab's registry, pushes to it and pulls from it; so does hybridspan's whole way to a chart."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hybridspan.apigee.charts import NAMES, Charts
from hybridspan.apigee.definitions import definitions_in
from hybridspan.apigee.helm import Helm, HelmPlace
from hybridspan.errors import HybridspanError, TemporaryFailure
from hybridspan.observation.findings import missing_charts
from hybridspan.secrets import Secret
from hybridspan_lab import parts
from hybridspan_lab.arm import certificates
from hybridspan_lab.helm import charts as lab_charts
from hybridspan_lab.helm import registry as registries
from hybridspan_lab.helm.charts import CHARTS, CRDS, REPOSITORY
from tests.lab_helm.conftest import VERSION
from tests.plan_helm.world import with_helm

PASSWORD = "correct-horse-battery"


@dataclass(frozen=True)
class Mirror:
    """A registry as a company has one: its own authority, one user."""

    host: str
    authority: Path

    @property
    def address(self) -> str:
        return f"oci://{self.host}/{REPOSITORY}"

    @property
    def trusted(self) -> tuple[str, str]:
        return ("--ca-file", str(self.authority))

    @property
    def login(self) -> tuple[str, ...]:
        return (
            "registry",
            "login",
            self.host,
            "--username",
            registries.USER,
            "--password-stdin",
            *self.trusted,
        )


@pytest.fixture
async def mirror(folder, tmp_path):
    served = registries.Registry(Secret(PASSWORD))
    served.add_all(folder)
    made = certificates.ensure(tmp_path / "pki")
    listening = socket.create_server(("127.0.0.1", 0))
    runner = await registries.serve(served, listening, made.server_context())
    yield Mirror(f"localhost:{port_of(listening)}", made.authority)
    await runner.cleanup()


def port_of(bound: socket.socket) -> int:
    return int(bound.getsockname()[1])


@pytest.fixture
async def signed_in(mirror, helm):
    await asyncio.to_thread(lambda: helm(*mirror.login, stdin=f"{PASSWORD}\n"))
    return mirror


async def test_helm_pulls_a_chart_with_all_its_files(signed_in, helm, folder, tmp_path):
    target = ("--untar", "--untardir", str(tmp_path / "pulled"))
    chart = ("pull", f"{signed_in.address}/apigee-operator", "--version", VERSION)
    await asyncio.to_thread(helm, *chart, *target, *signed_in.trusted)
    assert files(tmp_path / "pulled" / "apigee-operator") == files(folder / "apigee-operator")
    assert (tmp_path / "pulled" / CRDS / "kustomization.yaml").is_file()


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


async def test_helm_sees_every_chart(signed_in, helm):
    for chart in CHARTS:
        show = ("show", "chart", f"{signed_in.address}/{chart}", "--version", VERSION, *signed_in.trusted)
        assert f"version: {VERSION}" in (await asyncio.to_thread(helm, *show)).stdout


async def test_helm_pushes_a_chart_that_can_then_be_pulled(signed_in, helm, tmp_path):
    lab_charts.write(tmp_path / "newer", "1.17.0")
    await asyncio.to_thread(helm, "package", str(tmp_path / "newer" / "apigee-redis"), "-d", str(tmp_path))
    push = ("push", str(tmp_path / "apigee-redis-1.17.0.tgz"), signed_in.address, *signed_in.trusted)
    await asyncio.to_thread(helm, *push)
    show = ("show", "chart", f"{signed_in.address}/apigee-redis", "--version", "1.17.0", *signed_in.trusted)
    assert "version: 1.17.0" in (await asyncio.to_thread(helm, *show)).stdout


async def test_a_wrong_password_is_refused(mirror, helm):
    refused = await asyncio.to_thread(lambda: helm(*mirror.login, stdin="wrong\n", expect=1))
    assert "401" in refused.stderr


def test_a_package_has_the_same_bytes_every_time(folder):
    chart = folder / "apigee-redis"
    assert registries.packaged(chart) == registries.packaged(chart)


# ---- hybridspan's own way to a chart


@dataclass
class Own:
    """hybridspan's charts of one version at an address, and what it wrote down on the way."""

    charts: Charts
    record: list[dict[str, Any]]


@pytest.fixture
def own(tmp_path, monkeypatch, helm_home):
    """The chart path as a run has it: the real helm from the PATH, in the person's own environment."""
    monkeypatch.setenv("PATH", str(parts.ensure().helm.parent))
    for name, value in helm_home.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HYBRIDSPAN_CHARTS_CA", raising=False)

    def made(address: str, version: str = VERSION, authority: Path | None = None) -> Own:
        if authority is not None:
            monkeypatch.setenv("HYBRIDSPAN_CHARTS_CA", str(authority))
        written: list[dict[str, Any]] = []
        place = HelmPlace(tmp_path / "kubeconfig", "apigee", tmp_path / "logs")
        helm = Helm(place, None, lambda _kind, document: written.append(dict(document)))  # type: ignore[arg-type]
        return Own(Charts(address, version, tmp_path / "charts", helm.pull), written)

    return made


async def test_hybridspan_takes_every_chart_and_the_definitions_from_the_registry(signed_in, own, folder):
    taken = own(signed_in.address, authority=signed_in.authority)
    for name in NAMES:
        assert files(await taken.charts.chart(name)) == files(folder / name)
    assert await definitions_in(await taken.charts.chart("apigee-operator"))
    assert PASSWORD not in json.dumps(taken.record)
    assert "--ca-file" in json.dumps(taken.record)


async def failure(made: Own) -> HybridspanError:
    with pytest.raises(HybridspanError) as caught:
        await made.charts.chart("apigee-org")
    return caught.value


async def test_a_version_that_is_not_there_is_named(signed_in, own):
    found = await failure(own(signed_in.address, "1.9.0", signed_in.authority))
    assert found.code == "HS-APIGEE-036"
    assert "has no" in found.message
    assert "1.9.0" in found.message
    assert "mirror that version" in found.hint


async def test_a_chart_that_is_not_there_is_named(signed_in, own):
    found = await failure(own(f"{signed_in.address}-typo", authority=signed_in.authority))
    assert found.code == "HS-APIGEE-036"


async def test_without_a_login_the_command_that_signs_in_is_told(mirror, own):
    found = await failure(own(mirror.address, authority=mirror.authority))
    assert found.code == "HS-APIGEE-050"
    assert f"helm registry login {mirror.host} --username USER --password-stdin" in found.hint


async def test_an_authority_that_the_machine_does_not_trust_is_named(signed_in, own):
    found = await failure(own(signed_in.address))
    assert found.code == "HS-APIGEE-051"
    assert "HYBRIDSPAN_CHARTS_CA" in found.hint


async def test_a_registry_that_does_not_answer_may_answer_later(own):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # it does not listen, and nobody else can
        found = await failure(own(f"oci://localhost:{port_of(silent)}/{REPOSITORY}"))
    assert found.code == "HS-APIGEE-052"
    assert isinstance(found, TemporaryFailure)


async def test_pre_flight_refuses_before_anything_is_made(mirror, own, monkeypatch):
    monkeypatch.setenv("HYBRIDSPAN_CHARTS", mirror.address)
    charts = own(mirror.address, authority=mirror.authority).charts

    class Estate:
        topology = with_helm()

        async def charts(self) -> Charts:
            return charts

    (finding,) = await missing_charts(Estate())  # type: ignore[arg-type]
    assert finding.severity == "refuse"
    assert "HS-APIGEE-050" in finding.message
    assert "registry login" in finding.hint
