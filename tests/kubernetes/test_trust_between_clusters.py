"""What a new cluster gets from the first, with two real API servers: whole, stripped, and never by way of a file."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from hybridspan.apigee.overrides import overrides_facts
from hybridspan.facts.kubernetes import ClusterObjects
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.kubernetes.cluster import KubernetesCluster
from hybridspan.plan.model import PlannedStep
from hybridspan.plan.phases.trust import plan_trust
from hybridspan.steps.trust import STEPS
from hybridspan.topology.loading import load
from hybridspan.topology.model import Region, Topology
from hybridspan_lab.parts import ensure

from .furnishing import furnish
from .planes import clusters

pytestmark = [pytest.mark.rehearsal, pytest.mark.asyncio(loop_scope="module")]

EXAMPLE = Path(__file__).parents[2] / "examples" / "two-regions" / "hybrid.yaml"


@dataclass
class Estate:
    """Two connected clusters, as a step sees them."""

    topology: Topology
    clusters: dict[str, KubernetesCluster]

    async def cluster(self, region: Region) -> KubernetesCluster:
        return self.clusters[region.name]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def estate(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    home = tmp_path_factory.mktemp("planes")
    async with clusters(home, "apigee-eastus", "apigee-centralus", "by-hand") as (first, second, third):
        await furnish(first, home)
        yield Estate(load(EXAMPLE), {"eastus": first, "centralus": second, "by-hand": third})


def planned_for(estate: Estate, seen: ClusterObjects | None = None) -> list[PlannedStep]:
    azure: Any = SimpleNamespace()
    topology = estate.topology
    first = RegionFacts(azure, seen, None, (), overrides_facts(topology, topology.first))
    own = RegionFacts(azure, None, None, (), overrides_facts(topology, topology.new_regions[0]))
    return plan_trust(topology, WorldFacts(0.0, {"eastus": first, "centralus": own}, None))


def step(estate: Estate, phase: str) -> Any:
    planned = next(s for s in planned_for(estate) if s.phase == phase)
    return STEPS[phase](planned, estate)  # type: ignore[arg-type]


async def carry_out(estate: Estate, phase: str) -> str:
    """The proof's sentence, after a check that said it was needed."""
    made = step(estate, phase)
    assert (await made.check()).state == "needed"
    await made.act(lambda *_: None)
    proof = await made.verify(lambda *_: None)
    assert proof.is_done, proof.reason
    return str(proof.reason)


async def test_the_namespace_comes_with_its_labels(estate: Estate):
    await carry_out(estate, "namespace")
    found = await estate.clusters["centralus"].get("v1", "Namespace", "apigee")
    assert found is not None
    assert found["metadata"]["labels"]["apigee.cloud.google.com/platform"] == "apigee"


async def test_the_authority_comes_whole_but_without_kubectls_copy(estate: Estate):
    assert "is the first region's" in await carry_out(estate, "authority")
    found = await estate.clusters["centralus"].get("v1", "Secret", "apigee-ca", "cert-manager")
    assert found is not None
    assert found["metadata"]["annotations"] == {"cert-manager.io/issuer-name": "root"}
    assert found["type"] == "kubernetes.io/tls"


async def test_cert_manager_comes_object_by_object(estate: Estate):
    made = step(estate, "cert-manager")
    assert (await made.check()).state == "needed"
    await made.act(lambda *_: None)
    target = estate.clusters["centralus"]
    deployments = await target.list_("apps/v1", "Deployment", "cert-manager")
    assert len(deployments) == 3
    assert (await target.objects("apigee")).cert_manager_version == "v1.13.6"
    assert await target.list_("cert-manager.io/v1", "ClusterIssuer") == []
    # No machine runs it here, so it is not available, and that is what the step waits for.
    assert "not available yet" in (await made.verify(lambda *_: None)).reason


async def test_shared_secrets_come_and_the_clusters_own_do_not(estate: Estate):
    await carry_out(estate, "secrets")
    held = {s.name for s in (await estate.clusters["centralus"].objects("apigee")).secrets}
    assert held == {"apigee-datastore-default-creds", "apigee-cassandra-auth", "test-group-tls"}


async def test_the_storage_class_comes_once(estate: Estate):
    await carry_out(estate, "storage")
    assert (await step(estate, "storage").check()).is_done


async def test_a_second_look_finds_nothing_to_do(estate: Estate):
    for phase in ("namespace", "authority", "secrets", "storage"):
        assert (await step(estate, phase).check()).is_done


async def test_the_commands_that_the_steps_stand_for_do_the_same(estate: Estate, tmp_path: Path):
    source, stepped, by_hand = (estate.clusters[n] for n in ("eastus", "centralus", "by-hand"))
    script = "\n".join(
        command.text().replace("apigee-centralus", "by-hand")
        for planned in planned_for(estate, await source.objects("apigee"))
        for command in planned.commands
        if "wait" not in command.argv
    )
    await asyncio.to_thread(run_by_hand, script, (source, by_hand), tmp_path)
    one, other = await stepped.objects("apigee"), await by_hand.objects("apigee")
    assert (other.secrets, other.certificate_authority) == (one.secrets, one.certificate_authority)
    assert (other.storage_classes, other.cert_manager_version) == (
        one.storage_classes,
        one.cert_manager_version,
    )
    assert await definitions(by_hand) == await definitions(stepped) != []


async def definitions(cluster: KubernetesCluster) -> list[str]:
    found = await cluster.list_("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    return sorted(d["metadata"]["name"] for d in found)


def run_by_hand(script: str, clusters: Iterable[KubernetesCluster], folder: Path) -> None:
    """The script by bash with the real kubectl, on a kubeconfig of those clusters' contexts."""
    paths = [folder / cluster.name for cluster in clusters]
    for cluster, path in zip(clusters, paths, strict=True):
        cluster.private_kubeconfig(path)
    environment = os.environ | {
        "KUBECONFIG": ":".join(str(p) for p in paths),
        "PATH": f"{ensure().kube_bin}:{os.environ['PATH']}",
        "HOME": str(folder),
    }
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
