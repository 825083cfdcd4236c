"""hybridspan's helm against a real one and a real API server: charts without machines, so that nothing has to run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hybridspan.apigee.charts import Charts
from hybridspan.apigee.helm import Helm, HelmPlace
from hybridspan.apigee.helm_installer import HelmInstaller, HelmRegion
from hybridspan.apigee.observe import apigee_facts
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts.helm import HelmRelease, WantedRelease
from hybridspan.kubernetes.cluster import KubernetesCluster
from hybridspan.topology.loading import load
from hybridspan_lab.helm import charts as lab
from hybridspan_lab.parts import ensure
from tests.kubernetes.planes import clusters

pytestmark = [pytest.mark.rehearsal, pytest.mark.asyncio(loop_scope="module")]

EXAMPLE = Path(__file__).parents[2] / "examples" / "helm-two-regions"
VERSION = "1.16.0"
ENV = WantedRelease("env", "prod", "test")


class Bench:
    """One cluster with helm in it."""

    def __init__(self, folder: Path, cluster: KubernetesCluster) -> None:
        self.folder, self.cluster = folder, cluster
        kubeconfig = folder / "helm-eastus.kubeconfig"
        cluster.private_kubeconfig(kubeconfig)
        self.helm = Helm(HelmPlace(kubeconfig, "default", folder / "logs"), cluster, lambda *_: None)
        self.values = folder / "values.yaml"
        self.values.write_text("password: hush\n")
        self.lines: list[str] = []

    def chart(self, *templates: dict[str, Any], name: str = "apigee-env") -> Path:
        """A chart of those objects."""
        folder = self.folder / name
        (folder / "templates").mkdir(parents=True, exist_ok=True)
        (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: {VERSION}\n")
        for old in (folder / "templates").iterdir():
            old.unlink()
        for number, template in enumerate(templates):
            (folder / "templates" / f"{number}.yaml").write_text(json.dumps(template))
        return folder

    async def upgrade(self, chart: Path, wanted: WantedRelease = ENV) -> None:
        await self.helm.upgrade(wanted, chart, self.values, self.lines.append)

    def installer(self) -> HelmInstaller:
        topology = load(EXAMPLE / "hybrid.yaml")
        region = HelmRegion(topology.first, self.cluster, self.helm)
        lab.write(self.folder / "charts", VERSION)
        charts = Charts(str(self.folder / "charts"), VERSION, self.folder / "work", self.helm.pull)
        return HelmInstaller(topology, region, region, charts)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KubernetesCluster]:
    async with clusters(tmp_path_factory.mktemp("plane"), "eastus") as (found,):
        yield found


@pytest.fixture
def bench(cluster: KubernetesCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    program = ensure().helm
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "helm").symlink_to(program)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for name in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"HELM_{name}_HOME", str(tmp_path / "home" / name))
    return Bench(tmp_path, cluster)


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110  # what another process does is no event of ours
            await asyncio.sleep(0.1)


def config_map(name: str = "made") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"env": "{{ .Values.env }}"},
    }


def deployment(replicas: int) -> dict[str, Any]:
    """Of pods that nothing starts."""
    labels = {"app": "never"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "c"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "never"}, "spec": spec}


def endless(name: str) -> dict[str, Any]:
    """A job that nothing runs, which helm waits for."""
    container = {"name": "c", "image": "c"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "annotations": {"helm.sh/hook": "pre-install"}},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }


async def test_a_release_is_made_upgraded_and_listed_with_its_environment(bench: Bench):
    chart = bench.chart(config_map())
    await bench.upgrade(chart)
    await bench.upgrade(chart)
    assert await bench.helm.releases() == (HelmRelease("prod", "apigee-env", VERSION, "deployed", 2, "test"),)
    made = await bench.cluster.get("v1", "ConfigMap", "made", "default")
    assert made is not None
    assert made["data"] == {"env": "test"}


async def test_what_somebody_changed_by_hand_is_put_back(bench: Bench):
    """Such as an operator that was scaled to nothing; by helm 3 and helm 4 alike."""
    wanted, chart = WantedRelease("env", "changed", "x"), bench.chart(deployment(0))
    await bench.upgrade(chart, wanted)
    await bench.cluster.patch("apps/v1", "Deployment", "never", {"spec": {"replicas": 2}}, "default")
    await bench.upgrade(chart, wanted)
    found = await bench.cluster.get("apps/v1", "Deployment", "never", "default")
    assert found is not None
    assert found["spec"]["replicas"] == 0
    await bench.cluster.delete("apps/v1", "Deployment", "never", "default")


async def test_what_somebody_else_made_is_not_taken_over(bench: Bench):
    await bench.cluster.apply(
        {**config_map("foreign"), "metadata": {"name": "foreign", "namespace": "default"}}
    )
    with pytest.raises(PermanentFailure, match="invalid ownership metadata") as caught:
        await bench.upgrade(bench.chart(config_map("foreign")), WantedRelease("env", "other", "x"))
    assert "from another release or from apigeectl" in caught.value.hint


async def test_a_run_that_was_killed_does_not_stand_in_the_way_of_the_next(bench: Bench):
    wanted = WantedRelease("env", "killed", "x")
    mark = bench.folder / "logs" / "helm-helm-eastus-killed.pid"
    task = asyncio.create_task(bench.upgrade(bench.chart(config_map("later"), endless("never")), wanted))
    await until(lambda: bench.cluster.get("batch/v1", "Job", "never", "default"))
    pid = int(mark.read_text().split()[0])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    os.kill(pid, signal.SIGKILL)
    before = {r.name: r.status for r in await bench.helm.releases()}
    assert before["killed"] == "pending-install"
    ours = mark.read_text()
    mark.unlink()
    with pytest.raises(TemporaryFailure, match=r"HS-APIGEE-035.*pending-install") as caught:
        await bench.upgrade(bench.chart(config_map("later")), wanted)
    assert "delete secret sh.helm.release.v1.killed.v1" in caught.value.hint
    mark.write_text(ours)
    await bench.upgrade(bench.chart(config_map("later")), wanted)
    assert any("was killed" in line for line in bench.lines)
    assert {r.name: r.status for r in await bench.helm.releases()}["killed"] == "deployed"


async def test_what_does_not_come_up_in_time_is_told_and_not_called_passing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    """helm's own words for it, whatever release of helm is on the PATH."""
    monkeypatch.setattr("hybridspan.apigee.helm.HELM_MINUTES", 0.05)
    for chart in (bench.chart(deployment(1)), bench.chart(endless("never-hook"), name="hooked")):
        with pytest.raises(PermanentFailure, match="HS-APIGEE-032") as caught:
            await bench.upgrade(chart, WantedRelease("env", "late", "x"))
        assert "-n default get pods,events shows what does not start" in caught.value.hint
    assert "late" not in {r.name for r in await bench.helm.releases()}


async def test_without_definitions_a_chart_is_refused_and_told_what_is_missing(bench: Bench):
    lab.write(bench.folder / "charts", VERSION)
    chart = bench.folder / "charts" / "apigee-datastore"
    bench.values.write_text(
        (EXAMPLE / "overrides_apigee-eastus.yaml")
        .read_text()
        .replace("namespace: apigee", "namespace: default")
    )
    with pytest.raises(PermanentFailure, match="no matches for kind") as caught:
        await bench.upgrade(chart, WantedRelease("datastore", "datastore"))
    assert "its crds step applies them" in caught.value.hint


async def test_definitions_are_applied_on_the_servers_side_and_served(bench: Bench):
    installer = bench.installer()
    assert await installer.unestablished()
    await installer.apply_definitions(bench.lines.append)

    async def are_served() -> bool:
        return not await installer.unestablished()

    await until(are_served)
    assert "CustomResourceDefinition cassandradatareplications.apigee.cloud.google.com" in bench.lines


def operator(replicas: int) -> dict[str, Any]:
    """Apigee's operator, on a cluster where nothing starts a pod."""
    labels = {"app": "apigee-controller"}
    container = {"name": "manager", "image": "m"}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    metadata = {"name": "apigee-controller-manager", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


async def trouble(bench: Bench) -> str:
    return (await apigee_facts(bench.cluster, "default")).controller_trouble


async def test_an_operator_that_is_not_available_is_told_whatever_the_cluster_can_say(bench: Bench):
    await bench.cluster.apply(operator(0))
    assert await trouble(bench) == "it is scaled to no replicas"
    await bench.cluster.apply(operator(1), force=True)

    async def pods() -> list[dict[str, Any]]:
        return await bench.cluster.list_("v1", "Pod", "default", labels="app=apigee-controller")

    await until(pods)
    (pod,) = await pods()
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    ended = {
        "name": "manager",
        "restartCount": 2,
        "state": state,
        "image": "m",
        "imageID": "",
        "ready": False,
    }
    path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}/status"
    await bench.cluster._access.request(
        "PATCH",
        path,
        body={"status": {"containerStatuses": [ended]}},
        content_type="application/merge-patch+json",
        where="pod",
    )
    told = await trouble(bench)
    assert told == f"{pod['metadata']['name']} has ended 2 times (CrashLoopBackOff)"
    await bench.cluster.delete("apps/v1", "Deployment", "apigee-controller-manager", "default")
