"""What a new cluster gets from the first, with two real API servers: whole, stripped, and never by way of a file."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.kubernetes.cluster import KubernetesCluster
from hybridspan.plan.phases.trust import plan_trust
from hybridspan.steps.trust import STEPS
from hybridspan.topology.loading import load
from hybridspan.topology.model import Region, Topology
from hybridspan_lab.apigee.cert_manager_manifests import manifests
from hybridspan_lab.controlplane.authority import Authority

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
    async with clusters(home, "apigee-eastus", "apigee-centralus") as (first, second):
        await furnish(first, home)
        yield Estate(load(EXAMPLE), {"eastus": first, "centralus": second})


async def furnish(first: KubernetesCluster, home: Path) -> None:
    """The first region's cluster as an installation leaves it."""
    for document in manifests():
        await first.apply(document)
    labels = {"apigee.cloud.google.com/platform": "apigee"}
    await first.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apigee", "labels": labels}}
    )
    Authority.create(home / "ca", "apigee-hybrid")
    pair = {"tls.crt": (home / "ca/ca.crt").read_text(), "tls.key": (home / "ca/ca.key").read_text()}
    last = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "cert-manager.io/issuer-name": "root"}
    await first.apply(
        secret("apigee-ca", pair, "kubernetes.io/tls", namespace="cert-manager", annotations=last)
    )
    await first.apply(secret("apigee-datastore-default-creds", {"jmx.password": "a"}))
    await first.apply(secret("apigee-cassandra-auth", {"jmx.password": "a", "ddl.password": "b"}))
    await first.apply(
        secret(
            "apigee-cassandra-default-tls",
            pair,
            "kubernetes.io/tls",
            annotations={"cert-manager.io/certificate-name": "x"},
        )
    )
    await first.apply(secret("test-group-tls", pair, "kubernetes.io/tls"))
    await first.apply(secret("sh.helm.release.v1.x", {"release": "x"}, "helm.sh/release.v1"))
    await first.apply(secret("of-its-own", {"x": "y"}))
    await first.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "managed-csi-premium"},
            "provisioner": "disk.csi.azure.com",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
    )


def secret(
    name: str,
    values: dict[str, str],
    kind: str = "Opaque",
    *,
    namespace: str = "apigee",
    annotations: Any = None,
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} | ({"annotations": annotations} if annotations else {})
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data}


def step(estate: Estate, phase: str) -> Any:
    nothing = RegionFacts(SimpleNamespace(), None, None, ())  # type: ignore[arg-type]
    facts = WorldFacts(0.0, {"eastus": nothing, "centralus": nothing}, None)
    planned = next(s for s in plan_trust(estate.topology, facts) if s.phase == phase)
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
