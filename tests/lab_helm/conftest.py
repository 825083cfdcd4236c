from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from hybridspan_lab import parts
from hybridspan_lab.helm import charts

VERSION = "1.16.0"
Helm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The charts of one version."""
    made = tmp_path_factory.mktemp("charts")
    charts.write(made, VERSION)
    return made


@pytest.fixture
def values() -> dict[str, Any]:
    """Overrides of a region."""
    return {
        "org": "hybrid-test-7",
        "namespace": "apigee",
        "instanceID": "prod-aks-eastus",
        "gcp": {"projectID": "hybrid-test-7", "region": "us-east1"},
        "k8sCluster": {"name": "apigee-eastus", "region": "us-east1"},
        "envs": [{"name": "test", "serviceAccountSecretRefs": {"runtime": "sa", "synchronizer": "sa"}}],
        "virtualhosts": [{"name": "group", "sslSecret": "tls", "selector": {"app": "gateway"}}],
        "cassandra": {
            "replicaCount": 3,
            "datacenter": "dc-2",
            "multiRegionSeedHost": "10.10.0.9",
            "auth": {"secret": "apigee-cassandra-auth"},
        },
        **{
            name: {"serviceAccountRef": "sa"}
            for name in ("mart", "connectAgent", "watcher", "udca", "metrics")
        },
        "nodeSelector": {
            "requiredForScheduling": True,
            "apigeeData": {"key": "agentpool", "value": "apigeedata"},
            "apigeeRuntime": {"key": "agentpool", "value": "apigeerun"},
        },
    }


@pytest.fixture
def helm_home(tmp_path: Path) -> dict[str, str]:
    """Variables that keep in the test's folder what helm keeps for itself."""
    home = {f"HELM_{name}_HOME": str(tmp_path / name) for name in ("CACHE", "CONFIG", "DATA")}
    return {**home, "HOME": str(tmp_path)}  # without it helm keeps .kube/cache in the current folder


@pytest.fixture
def helm(helm_home: dict[str, str]) -> Helm:
    """The real helm."""
    program = parts.ensure().helm

    def run(*arguments: str, expect: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(program), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=helm_home,
            check=False,
            timeout=200,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def render(helm: Helm, folder: Path, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """The documents that a chart makes of these values."""

    def rendered(chart: str, values: dict[str, Any], *more: str) -> list[dict[str, Any]]:
        said = helm("template", "release", str(folder / chart), *where(tmp_path, values), *more).stdout
        return [document for document in YAML(typ="safe", pure=True).load_all(said) if document]

    return rendered


@pytest.fixture
def refusal(helm: Helm, folder: Path, tmp_path: Path) -> Callable[..., str]:
    """What helm says to values that it does not take."""

    def refused(chart: str, values: dict[str, Any], *more: str) -> str:
        return helm(
            "template", "release", str(folder / chart), *where(tmp_path, values), *more, expect=1
        ).stderr

    return refused


def where(tmp_path: Path, values: dict[str, Any]) -> tuple[str, ...]:
    file = tmp_path / "overrides.yaml"
    with file.open("w") as stream:
        YAML().dump(values, stream)
    return ("--namespace", "apigee", "-f", str(file))


def one(documents: list[dict[str, Any]], kind: str, name: str = "") -> dict[str, Any]:
    """The only document of a kind."""
    found = [d for d in documents if d["kind"] == kind and name in ("", d["metadata"]["name"])]
    assert len(found) == 1, [d["metadata"]["name"] for d in found]
    return found[0]
