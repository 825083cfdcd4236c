"""Clusters that only kubelogin's tokens open, and private ones: they work, or are named as the reason."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from hybridspan.azure.cloud import PUBLIC, AzureCloud
from hybridspan.azure.credentials import Source
from hybridspan.azure.gateway import AzureGateway
from hybridspan.azure.logins import LOGINS, unattended
from hybridspan.errors import InputError, PermanentFailure, TemporaryFailure
from hybridspan.facts.azure import RegionAzureFacts
from hybridspan.kubernetes.access import Access
from hybridspan.observation.gather import _connected
from tests.azure.conftest import StandIn
from tests.azure.regions import CENTRAL
from tests.azure.test_gateway import LIKE, make_networks
from tests.plan_azure.facts import cluster, here

TOKEN = {
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "kind": "ExecCredential",
    "status": {"token": "t-1"},
}


async def entra(gateway: AzureGateway, stand_in: StandIn) -> dict[str, Any]:
    """The user in the kubeconfig of a cluster without local accounts."""
    await make_networks(gateway)
    await gateway.ensure_cluster(CENTRAL, LIKE, "two-regions")
    key = next(k for k in stand_in.arm.store.all if k.endswith("/managedclusters/apigee-centralus"))
    document = stand_in.arm.store.get(key)
    document["properties"] |= {"disableLocalAccounts": True, "aadProfile": {"managed": True, "tenantID": "t"}}
    stand_in.arm.store.put(key, document)
    content = await gateway.credentials(CENTRAL)
    assert content is not None
    from ruamel.yaml import YAML

    user: dict[str, Any] = YAML(typ="safe", pure=True).load(content)["users"][0]["user"]
    return user


async def test_kubelogin_signs_in_as_we_do(gateway: AzureGateway, stand_in: StandIn) -> None:
    arguments = (await entra(gateway, stand_in))["exec"]["args"]
    assert arguments[-2:] == ["--login", "spn"]
    assert "--client-id" not in arguments
    assert "--server-id" in arguments


def kubeconfig(plugin: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {"exec": plugin}}],
    }


def plugin(*arguments: str) -> dict[str, Any]:
    return {
        "apiVersion": TOKEN["apiVersion"],
        "command": "kubelogin",
        "args": ["get-token", "--server-id", "s", *arguments],
    }


@pytest.fixture
def kubelogin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubelogin on the PATH that gives a token where its file says one."""
    program = tmp_path / "bin" / "kubelogin"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/answer\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "answer"


async def opened(document: dict[str, Any]) -> Access:
    access = Access(document, "apigee-centralus")
    try:
        await access.open()
    finally:
        await access.close()
    return access


async def test_a_token_of_the_plug_in_opens_the_cluster(kubelogin: Path) -> None:
    kubelogin.write_text(json.dumps(TOKEN))
    access = await opened(kubeconfig(plugin("--login", "spn")))
    assert access._headers() == {"Authorization": "Bearer t-1"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (plugin("--login", "devicecode"), "asks a person at a browser"),
        (plugin("--login", "spn"), "gives no token"),
        ({**plugin("--login", "spn"), "command": "kubelogin-of-nobody"}, "is not on the PATH"),
    ],
)
async def test_a_plug_in_that_cannot_work_is_named(
    kubelogin: Path, given: dict[str, Any], words: str
) -> None:
    kubelogin.write_text("no token today")
    with pytest.raises(InputError) as caught:
        await opened(kubeconfig(given))
    assert caught.value.code == "HS-KUBE-013"
    assert words in caught.value.message
    assert caught.value.hint


def test_a_kubeconfig_with_certificates_is_left_alone() -> None:
    content = json.dumps({"users": [{"name": "u", "user": {"client-key-data": "x"}}]}).encode()
    assert unattended(content, "az", PUBLIC) == content


ELSEWHERE = AzureCloud(
    "https://arm.stack.test", "https://login.stack.test", "https://arm.stack.test", is_public=False
)
THERE = ["--authority-host", "https://login.stack.test/", "--disable-instance-discovery"]


@pytest.mark.parametrize(
    ("source", "cloud", "place"),
    [
        ("environment", PUBLIC, []),
        ("environment", ELSEWHERE, THERE),
        ("workload-identity", ELSEWHERE, THERE),
        ("az", ELSEWHERE, []),
        ("default", ELSEWHERE, []),
    ],
)
def test_kubelogin_signs_in_where_we_do(source: Source, cloud: AzureCloud, place: list[str]) -> None:
    content = json.dumps(kubeconfig(plugin("--login", "devicecode", "--client-id", "browser"))).encode()
    from ruamel.yaml import YAML

    made = YAML(typ="safe", pure=True).load(unattended(content, source, cloud))
    arguments = made["users"][0]["user"]["exec"]["args"]
    assert arguments == ["get-token", "--server-id", "s", *place, "--login", LOGINS[source]]


class Unreachable:
    """An estate whose clusters do not answer."""

    async def cluster_or_none(self, _region: object) -> None:
        await asyncio.sleep(0)
        raise TemporaryFailure("HS-KUBE-002", "the API server does not answer", why="timed out")


async def test_a_private_api_server_is_named_as_the_reason() -> None:
    estate: Any = Unreachable()
    private = here(CENTRAL, aks=cluster(CENTRAL, is_private=True))
    with pytest.raises(PermanentFailure, match="private address only") as caught:
        await _connected(estate, CENTRAL, private)
    assert caught.value.code == "HS-KUBE-015"
    with pytest.raises(TemporaryFailure):
        await _connected(estate, CENTRAL, RegionAzureFacts(True, None, (), cluster(CENTRAL)))
