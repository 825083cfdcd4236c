"""Clusters that only kubelogin's tokens open, and private ones: they work, or are named as the reason."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from hybridspan.azure.cloud import PUBLIC, AzureCloud
from hybridspan.azure.credentials import Source
from hybridspan.azure.gateway import AzureGateway
from hybridspan.azure.logins import LOGINS, unattended
from hybridspan.errors import InputError, PermanentFailure, TemporaryFailure
from hybridspan.facts.azure import RegionAzureFacts
from hybridspan.kubernetes.access import Access
from hybridspan.kubernetes.execution import run
from hybridspan.kubernetes.forwarding import forward
from hybridspan.observation.gather import _connected
from tests.azure.conftest import StandIn
from tests.azure.regions import CENTRAL
from tests.azure.test_gateway import LIKE, make_networks
from tests.kubernetes.conftest import Server, listening, status
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


def kubeconfig(plugin: dict[str, Any], server: str = "https://127.0.0.1:9") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
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


class Hourly:
    """An API server whose tokens run out."""

    def __init__(self) -> None:
        self.token = "t-1"
        self.refused = 0

    @web.middleware
    async def only_the_token(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") == f"Bearer {self.token}":
            answer: web.StreamResponse = await handler(request)
            return answer
        self.refused += 1
        return web.json_response({"message": "Unauthorized"}, status=401)


@pytest.fixture
async def hourly(kubelogin: Path) -> AsyncIterator[tuple[Hourly, Access]]:
    """The server, and an access to it that was opened an hour ago: its token is no longer taken, kubelogin has another one."""
    kubelogin.write_text(json.dumps(TOKEN))
    server, tokens = Server(), Hourly()

    async def hello(socket: web.WebSocketResponse, _: web.Request) -> None:
        await socket.send_bytes(b"\x01hello")
        await socket.send_bytes(b"\x03" + status(0))

    server.pod.exec = hello
    app = server.routes()
    app.middlewares.append(tokens.only_the_token)
    async with listening(app) as url:
        access = Access(kubeconfig(plugin("--login", "spn"), url), "apigee-centralus")
        await access.open()
        tokens.token = "t-2"
        kubelogin.write_text(json.dumps({**TOKEN, "status": {"token": "t-2"}}))
        yield tokens, access
        await access.close()


async def test_a_command_in_a_pod_renews_a_token_that_has_run_out(hourly: tuple[Hourly, Access]) -> None:
    server, access = hourly
    for _ in range(2):
        ended = await run(access, "apigee", "pod-0", ["true"], container=None, stdin=None, seconds=60)
        assert ended.stdout == "hello"
    assert server.refused == 1


async def test_a_token_that_cannot_be_renewed_now_may_be_later(
    hourly: tuple[Hourly, Access], kubelogin: Path
) -> None:
    _, access = hourly
    answer = kubelogin.read_text()
    kubelogin.unlink()
    with pytest.raises(TemporaryFailure, match=r"HS-KUBE-017.*gives no token"):
        await access.request("GET", "/version")
    kubelogin.write_text(answer)
    assert (await access.request("GET", "/version"))["gitVersion"]


async def test_a_forwarded_port_renews_a_token_that_has_run_out(hourly: tuple[Hourly, Access]) -> None:
    _, access = hourly
    async with forward(access, "apigee", "pod-0", 9042) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(b"hello")
        assert await reader.read(5) == b"HELLO"
        writer.close()
        await writer.wait_closed()


async def test_streams_that_meet_the_same_refusal_fetch_one_token(
    hourly: tuple[Hourly, Access], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, access = hourly
    fetched, fetch = [], access._authenticate

    async def counted() -> None:
        fetched.append(1)
        await fetch()

    monkeypatch.setattr(access, "_authenticate", counted)
    commands = (run(access, "apigee", "p", ["true"], container=None, stdin=None, seconds=60) for _ in "123")
    assert [ended.code for ended in await asyncio.gather(*commands)] == [0, 0, 0]
    assert len(fetched) == 1


async def test_a_token_that_is_not_taken_anew_is_told_as_a_refusal(hourly: tuple[Hourly, Access]) -> None:
    server, access = hourly
    server.token = "nobody's"
    with pytest.raises(PermanentFailure, match="HS-KUBE-003"):
        await run(access, "apigee", "pod-0", ["true"], container=None, stdin=None, seconds=60)
    assert server.refused == 2


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
