"""apigeectl as a person types it, against a real API server; no pod runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from hybridspan_lab.apigee import cert_manager_manifests, readiness, resources
from hybridspan_lab.controlplane import ControlPlane
from hybridspan_lab.examples import example_directory
from hybridspan_lab.kubeapi import KubeApi
from hybridspan_lab.parts import ensure
from hybridspan_lab.world import papers

WEBHOOK = "apigee-validating-webhook-configuration-default"


@pytest.fixture
async def plane(tmp_path):
    started = await ControlPlane.start(tmp_path / "plane", "aks", "10.1.0.0/16", ensure(), None)
    yield started
    await started.stop()


@pytest.fixture
def overrides(tmp_path):
    """The example's, its users' passwords in the file."""
    path = tmp_path / "overrides.yaml"
    document = YAML(typ="safe").load(example_directory("two-regions") / "overrides_apigee-eastus.yaml")
    document["cassandra"]["auth"] = {"ddl": {"password": "of-ddl"}}
    YAML().dump(document, path)
    papers.complete(path)
    return path


@pytest.fixture
def apigeectl(plane, overrides):
    """Runs it in a folder of its own with nothing but the kube context; its words and exit code."""

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "hybridspan_lab.apigee.apigeectl", *arguments, "-f", str(overrides)],
            env={**os.environ, "KUBECONFIG": str(plane.kubeconfig)},
            cwd=plane.site.home, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return run


def kubectl(plane, *arguments):
    command = [ensure().kube_bin / "kubectl", "--kubeconfig", plane.kubeconfig, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def shell(plane, command):
    env = {**os.environ, "KUBECONFIG": str(plane.kubeconfig)}
    return subprocess.run(
        ["sh", "-c", command], env=env, capture_output=True, text=True, check=True, timeout=120
    )


async def with_cert_manager(plane):
    async with KubeApi.from_kubeconfig(plane.kubeconfig) as api:
        for document in cert_manager_manifests.manifests():
            await readiness.patiently(resources.apply, api, document, "kubectl")


async def test_it_refuses_what_has_no_ground_yet(plane, apigeectl):
    code, said = apigeectl("init")
    assert (code, "cert-manager is not installed" in said) == (1, True), said
    code, said = apigeectl("apply", "--datastore")
    assert (code, "run apigeectl init first" in said) == (1, True), said
    code, said = apigeectl("check-ready")
    assert (code, "apigee-controller-manager not found" in said) == (1, True), said
    assert "apigee" not in kubectl(plane, "get", "namespaces", "-o", "name")


async def test_a_dry_run_shows_and_changes_nothing_and_no_password(plane, apigeectl):
    await with_cert_manager(plane)
    code, said = apigeectl("init", "--dry-run=client", "--print-yaml")
    assert code == 0, said
    assert "kind: ValidatingWebhookConfiguration" in said
    assert "of-ddl" not in said
    assert "b2YtZGRs" not in said
    assert "apigee" not in kubectl(plane, "get", "namespaces", "-o", "name")


async def test_a_reader_that_has_seen_enough_is_no_error_of_python(plane, overrides):
    await with_cert_manager(plane)
    command = f"{sys.executable} -m hybridspan_lab.apigee.apigeectl init --dry-run --print-yaml -f {overrides} | head -2"
    done = shell(plane, command)
    assert done.stdout.startswith("---\napiVersion: ")
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


async def test_what_is_applied_is_not_ready_without_pods_and_can_be_deleted(plane, apigeectl):
    await with_cert_manager(plane)
    assert apigeectl("init")[0] == 0
    kubectl(plane, "delete", "validatingwebhookconfiguration", WEBHOOK)
    code, said = apigeectl("apply", "--datastore")
    assert (code, "apigeedatastore" in said.lower()) == (0, True), said
    code, said = apigeectl("check-ready")
    assert code == 1
    assert "ApigeeDatastore apigee/default is in state creating" in said
    secret = json.loads(
        kubectl(plane, "get", "secret", "apigee-datastore-default-creds", "-n", "apigee", "-o", "json")
    )
    assert secret["data"]["ddl.password"] == "b2YtZGRs"
    assert "apigeedatastore" in kubectl(plane, "get", "apigeeds", "-n", "apigee", "-o", "name")
    assert apigeectl("delete", "--datastore", "--dry-run=client")[0] == 0
    assert "apigeedatastore" in kubectl(plane, "get", "apigeeds", "-n", "apigee", "-o", "name")
    assert apigeectl("delete", "--datastore")[0] == 0
    assert kubectl(plane, "get", "apigeeds", "-n", "apigee", "-o", "name") == ""


async def test_a_file_with_mistakes_changes_nothing(plane, apigeectl, overrides):
    await with_cert_manager(plane)
    text = overrides.read_text()
    overrides.write_text(
        text.replace("replicaCount: 3", 'replicaCount: "three"').replace("instanceID", "instanceId")
    )
    code, said = apigeectl("init")
    assert code == 1
    assert "cassandra.replicaCount" in said
    assert "instanceID" in said
    assert "apigee" not in kubectl(plane, "get", "namespaces", "-o", "name")
