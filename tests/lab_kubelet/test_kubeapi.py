"""The small API client, against a server that misbehaves."""

from __future__ import annotations

import json
import ssl

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hybridspan_lab.kubeapi import Access, ApiError, KubeApi, object_path
from hybridspan_lab.kubeapi.watching import differences


def pod(name, version="1", uid=None):
    return {"metadata": {"name": name, "namespace": "d", "uid": uid or name, "resourceVersion": version}}


class Server:
    """Lists in turn, and a stream of events for each watch; a stream's end is the connection's end."""

    def __init__(self, lists, streams):
        self.lists, self.streams, self.versions = list(lists), list(streams), []
        self.app = web.Application()
        self.app.router.add_get("/api/v1/pods", self.pods)

    async def pods(self, request):
        if "watch" not in request.query:
            items = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
            return web.json_response(
                {"kind": "PodList", "metadata": {"resourceVersion": "5"}, "items": items}
            )
        self.versions.append(request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        for event in self.streams.pop(0) if self.streams else []:
            await response.write(json.dumps(event).encode() + b"\n")
        return response


async def watched(server, count):
    seen = []
    async with TestServer(server.app) as running:
        address = str(running.make_url("")).rstrip("/")
        async with KubeApi(Access(address, ssl.create_default_context())) as api:
            async for event in api.watch("/api/v1", "pods"):
                seen.append((event.kind, event.object["metadata"]["name"]))
                if len(seen) == count:
                    break
    return seen


async def test_a_watch_begins_with_everything_there_is():
    assert await watched(Server([[pod("a"), pod("b")]], []), 2) == [("ADDED", "a"), ("ADDED", "b")]


async def test_an_expired_version_leads_to_a_new_list_and_only_differences():
    expired = {"type": "ERROR", "object": {"code": 410}}
    server = Server([[pod("a"), pod("b")], [pod("b", "7"), pod("c")]], [[expired]])
    assert (await watched(server, 5))[2:] == [("DELETED", "a"), ("MODIFIED", "b"), ("ADDED", "c")]


async def test_bookmarks_are_not_events():
    stream = [{"type": "BOOKMARK", "object": pod("x")}, {"type": "MODIFIED", "object": pod("a", "2")}]
    assert (await watched(Server([[pod("a")]], [stream]), 2))[1] == ("MODIFIED", "a")


async def test_objects_larger_than_a_network_buffer_arrive_whole():
    large = pod("a", "2") | {"data": "x" * 3_000_000}
    assert (await watched(Server([[]], [[{"type": "ADDED", "object": large}]]), 1)) == [("ADDED", "a")]


async def test_a_server_that_cannot_be_reached_has_status_zero():
    async with KubeApi(Access("http://127.0.0.1:1", ssl.create_default_context())) as api:
        with pytest.raises(ApiError) as refused:
            await api.get("/api/v1", "pods", "a", "d")
    assert refused.value.status == 0


async def test_a_first_list_that_is_refused_is_the_callers_matter():
    app = web.Application()
    app.router.add_get("/api/v1/pods", forbidden)
    async with TestServer(app) as running:
        address = str(running.make_url("")).rstrip("/")
        async with KubeApi(Access(address, ssl.create_default_context())) as api:
            with pytest.raises(ApiError, match="Forbidden: no"):
                await anext(aiter(api.watch("/api/v1", "pods")))


async def forbidden(_):
    return web.json_response({"reason": "Forbidden", "message": "no"}, status=403)


def test_an_object_made_anew_under_its_name_is_another_one():
    events = differences({"old": pod("a", uid="old")}, [pod("a", uid="new")])
    assert [event.kind for event in events] == ["DELETED", "ADDED"]


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("/api/v1", "nodes"), "/api/v1/nodes"),
        (("/api/v1", "pods", "d", "a", "status"), "/api/v1/namespaces/d/pods/a/status"),
        (("/api/v1", "serviceaccounts/token", "d", "a"), "/api/v1/namespaces/d/serviceaccounts/a/token"),
        (("/apis/apps/v1", "statefulsets", "d", "a"), "/apis/apps/v1/namespaces/d/statefulsets/a"),
    ],
)
def test_paths_of_objects(arguments, path):
    assert object_path(*arguments) == path
