"""Objects and server-side apply on a real kube-apiserver (no machines behind it)."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.kubernetes import cluster as adapter
from hybridspan.kubernetes.cluster import KubernetesCluster
from hybridspan.kubernetes.rights import IN_PODS, INSTALLING
from hybridspan.secrets import Secret

from .planes import clusters

pytestmark = [pytest.mark.rehearsal, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KubernetesCluster]:
    async with clusters(tmp_path_factory.mktemp("plane"), "apigee-eastus") as (found,):
        yield found


def config_map(name: str, **data: str) -> dict[str, object]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def test_apply_makes_an_object_that_is_ours(real: KubernetesCluster):
    made = await real.apply(config_map("ours", a="1"))
    assert [m["manager"] for m in made["metadata"]["managedFields"]] == ["hybridspan"]
    assert (await real.apply(config_map("ours", b="2")))["data"] == {"b": "2"}


async def test_apply_does_not_take_what_another_owns(real: KubernetesCluster):
    await real.apply(config_map("theirs", a="1"))
    await real.patch("v1", "ConfigMap", "theirs", {"data": {"a": "2"}}, "default")
    path = "/api/v1/namespaces/default/configmaps/theirs"
    await real._access.request(
        "PATCH",
        path,
        query={"fieldManager": "someone", "force": "true"},
        body=config_map("theirs", a="3"),
        content_type="application/apply-patch+yaml",
    )
    with pytest.raises(PermanentFailure, match="HS-KUBE-012"):
        await real.apply(config_map("theirs", a="4"))
    assert (await real.apply(config_map("theirs", a="4"), force=True))["data"] == {"a": "4"}


async def test_what_does_not_exist_is_none(real: KubernetesCluster):
    assert await real.get("v1", "Secret", "none", "default") is None
    assert await real.get("apigee.cloud.google.com/v1alpha1", "ApigeeDatastore", "default", "apigee") is None
    assert await real.list_("apigee.cloud.google.com/v1alpha1", "ApigeeDatastore", "apigee") == []
    assert await real.delete("v1", "Secret", "none", "default") is False
    assert await real.secret("default", "none") == {}
    assert await real.logs("default", "none") == []


async def test_a_kind_that_the_cluster_does_not_know_cannot_be_applied(real: KubernetesCluster):
    with pytest.raises(PermanentFailure, match="HS-KUBE-010"):
        await real.apply({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}})


async def test_lists_come_whole_though_in_pages(real: KubernetesCluster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(adapter, "_PAGE", "2")
    for number in range(5):
        await real.apply(config_map(f"page-{number}"))
    names = [d["metadata"]["name"] for d in await real.list_("v1", "ConfigMap", "default")]
    assert {f"page-{n}" for n in range(5)} <= set(names)


async def test_secrets_come_masked_and_hashed(real: KubernetesCluster):
    data = {
        "jmx.password": base64.b64encode(b"pw").decode(),
        "binary": base64.b64encode(b"\xff\xfe").decode(),
    }
    metadata = {"name": "apigee-datastore-default-creds", "namespace": "default"}
    await real.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    held = await real.secret("default", "apigee-datastore-default-creds")
    assert held == {"jmx.password": Secret("pw"), "binary": b"\xff\xfe"}
    seen = await real.objects("default")
    assert [(s.name, s.purpose) for s in seen.secrets] == [
        ("apigee-datastore-default-creds", "Cassandra credentials")
    ]
    assert seen.cert_manager_version is None
    assert "default" in seen.namespaces


async def test_a_private_kubeconfig_works_and_is_its_owners_alone(real: KubernetesCluster, tmp_path: Path):
    path = tmp_path / "private" / "kubeconfig"
    real.private_kubeconfig(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(json.loads(path.read_text())["contexts"]) == 1
    again = await KubernetesCluster.connect(path, None, "again", lambda _k, _d: None)
    assert again.version == real.version
    await again.close()


async def changed(real: KubernetesCluster, tmp_path: Path, section: str, **change: object) -> Path:
    document = json.loads(json.dumps(real._access.document))
    document[f"{section}s"][0][section] |= change
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(document))
    return path


async def test_a_server_that_does_not_answer_may_come(real: KubernetesCluster, tmp_path: Path):
    path = await changed(real, tmp_path, "cluster", server="https://127.0.0.1:1")
    with pytest.raises(TemporaryFailure, match="HS-KUBE-002"):
        await KubernetesCluster.connect(path, None, "x", lambda _k, _d: None)


async def test_a_certificate_of_another_authority_is_no_use_waiting_for(
    real: KubernetesCluster, tmp_path: Path
):
    path = await changed(real, tmp_path, "cluster", **{"certificate-authority-data": other_authority()})
    with pytest.raises(PermanentFailure, match="HS-KUBE-011"):
        await KubernetesCluster.connect(path, None, "x", lambda _k, _d: None)


@asynccontextmanager
async def as_account(real: KubernetesCluster, folder: Path, name: str) -> AsyncIterator[KubernetesCluster]:
    """The cluster as a service account of that name sees it."""
    account = {"name": name, "namespace": "default"}
    await real.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    answer = await real._access.request(
        "POST",
        f"/api/v1/namespaces/default/serviceaccounts/{name}/token",
        body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}},
    )
    path = folder / "kubeconfig"
    document = json.loads(json.dumps(real._access.document))
    document["users"][0]["user"] = {"token": answer["status"]["token"]}
    path.write_text(json.dumps(document))
    opened = await KubernetesCluster.connect(path, None, name, lambda _k, _d: None)
    yield opened
    await opened.close()


async def test_a_missing_right_is_named(real: KubernetesCluster, tmp_path: Path):
    async with as_account(real, tmp_path, "weak") as weak:
        with pytest.raises(PermanentFailure, match=r"HS-KUBE-003.*cannot list resource"):
            await weak.list_("v1", "Secret", "default")


async def test_rights_that_are_missing_are_known_beforehand(real: KubernetesCluster, tmp_path: Path):
    """A role of the time when kubectl did not use WebSockets: it may create what it must get too."""
    metadata = {"name": "by-spdy", "namespace": "default"}
    resources = ["pods/exec", "pods/portforward"]
    group = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": [""], "resources": resources, "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]
    await real.apply({"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules})
    await real.apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "by-spdy"},
            "subjects": [{"kind": "ServiceAccount", "name": "by-spdy", "namespace": "default"}],
        }
    )
    async with as_account(real, tmp_path, "by-spdy") as account:
        lacking = await account.missing_rights("default", IN_PODS)
        assert [str(right) for right in lacking] == ["get pods/exec", "get pods/portforward"]
        assert await account.missing_rights("default", INSTALLING) == INSTALLING
    assert await real.missing_rights("default", (*IN_PODS, *INSTALLING)) == ()


def other_authority() -> str:
    import tempfile

    from hybridspan_lab.controlplane.authority import Authority

    with tempfile.TemporaryDirectory() as folder:
        Authority.create(Path(folder), "another")
        return base64.b64encode((Path(folder) / "ca.crt").read_bytes()).decode()
