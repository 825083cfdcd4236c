"""`init` on what is there: a real API server with a datastore, found through Azure and through a context of the person's."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hybridspan.cli.discovered import installation, look
from hybridspan.kubernetes.cluster import KubernetesCluster
from hybridspan.topology.loading import load
from hybridspan_lab.apigee.crds import APIGEE_KINDS, definition
from hybridspan_lab.arm.credentials import SUBSCRIPTION
from tests.azure.conftest import StandIn, gateway, records, stand_in  # noqa: F401 - fixtures
from tests.azure.regions import EAST
from tests.azure.test_gateway import LIKE

from .planes import clusters

pytestmark = pytest.mark.rehearsal
HOME = (SUBSCRIPTION, EAST.resource_group)
DATASTORE = {
    "apiVersion": "apigee.cloud.google.com/v1alpha1",
    "kind": "ApigeeDatastore",
    "metadata": {"name": "default", "namespace": "apigee"},
    "spec": {
        "version": "1.11.2",
        "components": {
            "cassandra": {
                "replicas": 3,
                "properties": {"datacenter": "dc-east", "rack": "ra-7", "clusterName": "mycassandra"},
            }
        },
    },
}


@pytest_asyncio.fixture
async def plane(tmp_path: Path) -> AsyncIterator[KubernetesCluster]:
    async with clusters(tmp_path / "plane", EAST.cluster.name) as (found,):
        await found.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apigee"}})
        yield found


async def found_with(arm: StandIn, azure: Any, plane: KubernetesCluster, folder: Path, *contexts: str) -> Any:
    plane.private_kubeconfig(folder / "azure.kubeconfig")
    content = (folder / "azure.kubeconfig").read_bytes()
    arm.host.kubeconfig = lambda _id, _admin: content  # type: ignore[method-assign]
    await azure.ensure_group(EAST, "by-hand")
    await azure.ensure_network(EAST, "by-hand")
    await azure.ensure_cluster(EAST, LIKE, "by-hand")
    return await look(arm.url, HOME, (), contexts, "apigee")


async def test_a_datastore_is_found_and_described_by_the_persons_own_context(
    stand_in: StandIn,  # noqa: F811
    gateway: Any,  # noqa: F811
    plane: KubernetesCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for kind in APIGEE_KINDS:
        await plane.apply(definition(kind))
    await plane.apply(DATASTORE)
    personal = json.loads((await _kubeconfig(plane, tmp_path)).read_text())
    personal["contexts"][0]["name"] = personal["current-context"] = "my-prod"
    (tmp_path / "personal").write_text(json.dumps(personal))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "personal"))
    found = await found_with(stand_in, gateway, plane, tmp_path, "my-prod")
    there = installation(found, HOME, tmp_path / "hybrid.yaml", None)
    assert there is not None
    (region,) = there.regions
    assert (region.name, region.context, region.datacenter, region.rack) == (
        "eastus",
        "my-prod",
        "dc-east",
        "ra-7",
    )
    assert there.answers["hybrid-version"] == "1.11.2"
    assert there.answers["cassandra-cluster"] == "mycassandra"
    assert "the ring could not be asked" in there.remarks[-1]


async def _kubeconfig(plane: KubernetesCluster, folder: Path) -> Path:
    path = folder / "copy.kubeconfig"
    plane.private_kubeconfig(path)
    return path


async def test_a_cluster_without_a_datastore_is_no_region(
    stand_in: StandIn,  # noqa: F811
    gateway: Any,  # noqa: F811
    plane: KubernetesCluster,
    tmp_path: Path,
) -> None:
    found = await found_with(stand_in, gateway, plane, tmp_path)
    assert found.regions == ()
    assert (
        found.remarks[0] == "AKS cluster apigee-eastus has no Apigee datastore in namespace apigee: left out"
    )


OVERRIDES = """\
instanceID: one
org: hybrid-test-7
namespace: apigee
k8sCluster: {name: apigee-eastus}
cassandra: {replicaCount: 3, datacenter: dc-east, rack: ra-7, clusterName: mycassandra}
"""


async def hybridspan(folder: Path, *arguments: str) -> tuple[int, str]:
    """As a person runs it, while this process serves Azure."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hybridspan", *arguments, cwd=folder, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    said, told = await process.communicate()
    return process.returncode or 0, (said + told).decode()


async def test_init_asks_nothing_that_can_be_seen(
    stand_in: StandIn,  # noqa: F811
    gateway: Any,  # noqa: F811
    plane: KubernetesCluster,
    tmp_path: Path,
) -> None:
    for kind in APIGEE_KINDS:
        await plane.apply(definition(kind))
    await plane.apply(DATASTORE)
    await found_with(stand_in, gateway, plane, tmp_path)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "prod.yaml").write_text(OVERRIDES)
    where = ("--subscription", HOME[0], "--resource-group", HOME[1], "--endpoint", stand_in.url)
    code, told = await hybridspan(tmp_path / "site", "init", *where, "--context", "apigee-eastus")
    assert code == 0, told
    topology = load(tmp_path / "site" / "hybrid.yaml")
    assert topology.organization == "hybrid-test-7"
    assert topology.first.overrides.name == "prod.yaml"
    assert (topology.first.network.name, topology.first.cluster.name) == (
        EAST.network.name,
        EAST.cluster.name,
    )
    code, told = await hybridspan(tmp_path / "site", "validate")
    assert code == 0, told
