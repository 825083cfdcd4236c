"""The operator's chart on a real cluster of the lab: pods run, Cassandra does not."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time

import pytest
from ruamel.yaml import YAML

from hybridspan.apigee.helm import Helm, HelmPlace
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts.helm import WantedRelease
from hybridspan.secrets import Secret
from hybridspan.topology import loading
from hybridspan_lab import control
from hybridspan_lab.apigee import cert_manager_manifests, readiness, resources
from hybridspan_lab.apigee.crds import DATASTORE
from hybridspan_lab.control import UpOptions
from hybridspan_lab.examples import example_directory
from hybridspan_lab.helm import charts
from hybridspan_lab.kubeapi import KubeApi
from hybridspan_lab.world.existing import ByHand
from hybridspan_lab.world.places import Places

NOWHERE = "nodeSelector.apigeeData.value=no-such-pool,cassandra.auth.secret=nothing"


class Site:
    """One cluster without Apigee, and a person's tools."""

    def __init__(self, home, work):
        self.places = Places(home)
        self.work = work
        self.topology = loading.load(work / "hybrid.yaml")
        self.variables = control.environment(home)
        self.env = {**os.environ, **self.variables}

    def run(self, *command, expect=0, stdin=None):
        done = subprocess.run(
            command, env=self.env, cwd=self.work, input=stdin, capture_output=True, text=True, timeout=200
        )
        assert expect is None or done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    def upgrade(self, release, chart, *more, expect=0):
        overrides = str(self.topology.first.overrides)
        command = ("helm", "upgrade", release, str(self.places.charts / chart), "--install", "-n", "apigee")
        return self.run(*command, "-f", overrides, *more, expect=expect)

    def read(self, *what):
        return json.loads(self.run("kubectl", "get", "-n", "apigee", "-o", "json", *what))

    def until(self, condition, seconds=120.0):
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, self.run("kubectl", "get", "pods,events", "-A")
            time.sleep(0.1)
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    work = tmp_path_factory.mktemp("helm") / "work"
    shutil.copytree(example_directory("helm-two-regions"), work)
    home = work.parent / "lab"
    record = control.up(UpOptions(topology=work / "hybrid.yaml", home=home, bare=True))
    made = Site(home, work)
    try:
        asyncio.run(furnish(made, record))
        yield made
    finally:
        control.down(home)


class Untouched:
    """No record of a release may be deleted here."""

    async def delete(self, api_version, kind, name, namespace=None):
        raise AssertionError(f"{kind} {namespace}/{name} was to be deleted")


class Product:
    """hybridspan's own way to a release, with the real helm that the PATH has."""

    def __init__(self, site, folder):
        self.site = site
        self.values = folder / "overrides.yaml"
        place = HelmPlace(site.places.kubeconfig, "apigee", folder / "logs")
        self.helm = Helm(place, Untouched(), lambda *_: None)

    async def upgrade(self, **cassandra):
        """The datastore's release with these values; no machine can take its pods."""
        yaml = YAML()
        document = yaml.load(self.site.topology.first.overrides)
        document["nodeSelector"]["apigeeData"]["value"] = "no-such-pool"
        document["cassandra"].update(auth={"secret": "nothing"}, **cassandra)
        yaml.dump(document, self.values)
        chart = self.site.places.charts / "apigee-datastore"
        await self.helm.upgrade(WantedRelease("datastore", "datastore"), chart, self.values, lambda _: None)


@pytest.fixture
def product(site, tmp_path, monkeypatch):
    for name, value in site.variables.items():
        monkeypatch.setenv(name, value)
    return Product(site, tmp_path)


async def furnish(site, record):
    """The first region's cluster with cert-manager, the namespace and the definitions."""
    secret = Secret(site.places.client_secret.read_text())
    async with ByHand(record.arm, site.places.arm / "ca.pem", secret) as azure:
        await azure.create([site.topology.first])
    async with KubeApi.from_kubeconfig(site.places.kubeconfig) as api:
        for document in cert_manager_manifests.manifests():
            await readiness.patiently(resources.apply, api, document, "kubectl")
    site.run("kubectl", "create", "namespace", "apigee")
    crds = str(site.places.charts / charts.CRDS)
    site.run("kubectl", "apply", "-k", crds, "--server-side", "--force-conflicts", "--validate=false")
    site.run("kubectl", "wait", "--for=condition=Established", "crd", "--all", "--timeout=120s")


def test_helm_waits_until_the_operator_answers(site):
    site.upgrade("operator", "apigee-operator", "--atomic")
    listed = json.loads(site.run("helm", "list", "-n", "apigee", "-o", "json"))
    assert [(entry["name"], entry["status"]) for entry in listed] == [("operator", "deployed")]
    assert listed[0]["chart"] == f"apigee-operator-{site.topology.hybrid_version}"
    # The pod that looked at the cluster goes when it was content; helm does not wait until it has gone.
    site.until(lambda: len(site.read("pods")["items"]) == 1)


def test_certificates_are_signed_by_apigee_ca(site):
    # What the operator waits for is the certificate; that its issuer is ready is told a moment later.
    ready = ("--for=condition=Ready", "clusterissuer/apigee-ca-issuer", "--timeout=120s")
    site.run("kubectl", "wait", *ready)
    assert site.run("kubectl", "get", "secret", "apigee-ca", "-n", "cert-manager")


def test_a_datastore_passes_the_webhooks_and_is_being_made(site):
    site.upgrade("datastore", "apigee-datastore", "--atomic", "--set", NOWHERE)
    site.until(lambda: (site.read("apigeeds", "default").get("status") or {}).get("state") == "creating")
    assert site.until(lambda: site.read("statefulsets")["items"])[0]["spec"]["replicas"] == 3


def test_a_replication_without_an_organization_says_so(site):
    spec = {"organizationRef": "hybrid-test-7-a69bd24", "source": {"region": "dc-1"}}
    document = {
        "apiVersion": "apigee.cloud.google.com/v1alpha1",
        "kind": "CassandraDataReplication",
        "metadata": {"name": "region-expansion", "namespace": "apigee"},
        "spec": spec,
    }
    site.run("kubectl", "apply", "-f", "-", stdin=json.dumps(document))
    status = site.until(lambda: site.read("cdr", "region-expansion").get("status"))
    assert status["state"] == "error"
    assert 'ApigeeOrganization.apigee.cloud.google.com "hybrid-test-7-a69bd24" not found' in status["message"]


async def test_another_seed_for_a_running_datastore_is_refused_for_good_and_so_it_is_told(site, product):
    async with KubeApi.from_kubeconfig(site.places.kubeconfig) as api:
        running = {"state": "running"}
        await api.update_status(DATASTORE.api, DATASTORE.plural, "default", running, "apigee")
    with pytest.raises(PermanentFailure, match="HS-APIGEE-032") as caught:
        await product.upgrade(multiRegionSeedHost="10.10.0.77")
    assert "multiRegionSeedHost cannot be changed" in caught.value.why
    assert "lets nobody change the seed of a running datastore" in caught.value.hint
    assert "multiRegionSeedHost" not in json.dumps(site.read("apigeeds", "default")["spec"])


def test_an_upgrade_to_another_version_needs_a_backup(site):
    charts.write(site.work / "newer", "1.17.0")
    command = ("helm", "upgrade", "datastore", str(site.work / "newer" / "apigee-datastore"), "-n", "apigee")
    said = site.run(*command, "-f", str(site.topology.first.overrides), "--set", NOWHERE, expect=1)
    assert "UPGRADE FAILED: pre-upgrade hooks failed" in said
    assert "pod apigee-hybrid-helm-guardrail-datastore failed" in said
    log = site.run("kubectl", "logs", "-n", "apigee", "apigee-hybrid-helm-guardrail-datastore")
    assert json.loads(log.splitlines()[-1])["level"] == "ERROR"
    assert "backup must be enabled before the upgrade from 1.16.0 to 1.17.0" in log


def test_without_the_operator_nothing_is_changed(site):
    site.run("kubectl", "scale", "deployment", "apigee-controller-manager", "-n", "apigee", "--replicas=0")
    site.until(lambda: not site.read("pods", "-l", "app=apigee-controller")["items"])
    changed = ("--set", f"{NOWHERE},cassandra.replicaCount=6")
    said = site.until(
        lambda: (
            found
            if "no endpoints"
            in (found := site.upgrade("datastore", "apigee-datastore", *changed, expect=None))
            else ""
        )
    )
    assert 'failed calling webhook "vapigeedatastore.apigee.cloud.google.com"' in said
    assert 'no endpoints available for service "apigee-webhook-service"' in said


async def test_without_the_operator_it_is_told_as_what_passes_however_often_it_is_tried(site, product):
    """helm cannot even undo what it began; that must not look like a run of somebody else's the next time."""
    for replicas in (6, 9):
        with pytest.raises(TemporaryFailure, match="HS-APIGEE-033") as caught:
            await product.upgrade(replicaCount=replicas)
        assert 'no endpoints available for service "apigee-webhook-service"' in caught.value.why
        assert "-n apigee get pods -l app=apigee-controller" in caught.value.hint
    assert site.read("apigeeds", "default")["spec"]["components"]["cassandra"]["replicas"] == 3
