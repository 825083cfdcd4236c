"""Charts and definitions against a real API server; no pod runs."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from hybridspan_lab.apigee import cert_manager_manifests, controller, readiness, resources
from hybridspan_lab.controlplane import ControlPlane
from hybridspan_lab.helm import charts
from hybridspan_lab.kubeapi import KubeApi
from hybridspan_lab.parts import ensure
from tests.lab_helm.conftest import where


@pytest.fixture
async def plane(tmp_path):
    started = await ControlPlane.start(tmp_path / "plane", "aks", "10.1.0.0/16", ensure(), None)
    async with KubeApi.from_kubeconfig(started.kubeconfig) as api:
        await api.create("/api/v1", "namespaces", {"metadata": {"name": "apigee"}})
    yield started
    await started.stop()


async def with_cert_manager(plane) -> None:
    async with KubeApi.from_kubeconfig(plane.kubeconfig) as api:
        for document in cert_manager_manifests.manifests():
            await readiness.patiently(resources.apply, api, document, "kubectl")


def kubectl(plane, *arguments: str, expect: int = 0) -> str:
    command = [ensure().kube_bin / "kubectl", "--kubeconfig", plane.kubeconfig, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def upgrade(plane, helm, folder, tmp_path, values, release: str, chart: str, *more: str, expect: int) -> str:
    # Put together at the first question, for which helm waits half a minute and kubectl as long as it takes.
    kubectl(plane, "get", "--raw", "/openapi/v2")
    target = ("--kubeconfig", str(plane.kubeconfig), "--no-hooks", *more)
    command = ("upgrade", release, str(folder / chart), "--install", *where(tmp_path, values), *target)
    done = helm(*command, expect=expect)
    return done.stdout + done.stderr


async def test_the_definitions_are_too_long_for_a_client_side_apply(plane, folder):
    crds = str(folder / charts.CRDS)
    said = kubectl(plane, "apply", "-k", crds, expect=1)
    assert "Too long: may not be more than 262144 bytes" in said
    flags = ("--server-side", "--force-conflicts", "--validate=false")
    said = kubectl(plane, "apply", "-k", crds, *flags)
    assert said.count("serverside-applied") == 11


async def test_an_operator_before_the_definitions_ends_with_the_kind_that_is_missing(plane, folder):
    async with KubeApi.from_kubeconfig(plane.kubeconfig) as api:
        said = await controller.missing_kind(api, "apigee")
        assert said.replace("\\", "") == (
            'no matches for kind "ApigeeDatastore" in version "apigee.cloud.google.com/v1alpha1"'
        )
        kubectl(plane, "apply", "-k", str(folder / charts.CRDS), "--server-side")
        async with asyncio.timeout(120):
            while await controller.missing_kind(api, "apigee"):  # noqa: ASYNC110  # served in the server's own time
                await asyncio.sleep(0.1)


async def test_a_release_before_the_definitions_is_refused_in_helms_own_words(
    plane, helm, folder, tmp_path, values
):
    said = upgrade(plane, helm, folder, tmp_path, values, "datastore", "apigee-datastore", expect=1)
    assert 'no matches for kind "ApigeeDatastore" in version "apigee.cloud.google.com/v1alpha1"' in said
    assert "ensure CRDs are installed first" in said


async def test_a_datastore_without_its_operator_is_refused_by_the_api_server(
    plane, helm, folder, tmp_path, values
):
    await with_cert_manager(plane)
    kubectl(plane, "apply", "-k", str(folder / charts.CRDS), "--server-side")
    kubectl(plane, "wait", "--for=condition=Established", "crd", "--all", "--timeout=120s")
    upgrade(plane, helm, folder, tmp_path, values, "operator", "apigee-operator", expect=0)
    said = upgrade(plane, helm, folder, tmp_path, values, "datastore", "apigee-datastore", expect=1)
    assert 'failed calling webhook "mapigeedatastore.apigee.cloud.google.com"' in said
    assert 'no endpoints available for service "apigee-webhook-service"' in said
