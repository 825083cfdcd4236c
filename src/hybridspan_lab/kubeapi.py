"""A small asynchronous client for the Kubernetes API, on plain documents.

The lab's own programs (kubelet, controllers, world) talk to their API servers through it. It knows no kinds:
a resource is named by its API path and plural, for example `("/api/v1", "pods")` or `("/apis/apps/v1", "statefulsets")`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

import aiohttp

from hybridspan_lab.podroot import in_pod

Document = dict[str, Any]
EventKind = Literal["ADDED", "MODIFIED", "DELETED"]
Merge = Literal["merge", "strategic", "json"]

SERVICE_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
PATCH_TYPES: Final[Mapping[str, str]] = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}
WATCH_SECONDS: Final = 290
LONGEST_PAUSE: Final = 5.0


class ApiError(Exception):
    """The API server's refusal; `status` is the HTTP code, or 0 when the server could not be reached."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message

    @property
    def is_missing(self) -> bool:
        return self.status == 404

    @property
    def is_conflict(self) -> bool:
        """True for AlreadyExists and for a write against an old resource version."""
        return self.status == 409


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change of one object, as `watch` reports it."""

    kind: EventKind
    object: Document


@dataclass(frozen=True, slots=True)
class Access:
    """Where an API server is and how to show who one is."""

    server: str
    tls: ssl.SSLContext
    token: str = ""
    token_file: Path | None = None

    def headers(self) -> dict[str, str]:
        # A projected token is renewed on disk, so it is read for every request.
        token = self.token_file.read_text().strip() if self.token_file else self.token
        return {"Authorization": f"Bearer {token}"} if token else {}


class KubeApi:
    """One API server. Use it as an asynchronous context manager, or call `close`."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def from_kubeconfig(cls, path: Path | str, context: str | None = None) -> Self:
        """The cluster of `context`, or of the file's current context."""
        return cls(read_kubeconfig(Path(path), context))

    @classmethod
    def in_cluster(cls) -> Self:
        """The cluster that this pod runs in, as its service account."""
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        account = in_pod(SERVICE_ACCOUNT)
        tls = ssl.create_default_context(cafile=str(account / "ca.crt"))
        return cls(Access(f"https://{host}:{port}", tls, token_file=account / "token"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, api: str, resource: str, name: str, namespace: str | None = None) -> Document:
        return await self.request("GET", object_path(api, resource, namespace, name))

    async def find(self, api: str, resource: str, name: str, namespace: str | None = None) -> Document | None:
        """The object, or None if there is none of that name (or no such kind)."""
        try:
            return await self.get(api, resource, name, namespace)
        except ApiError as error:
            if error.is_missing:
                return None
            raise

    async def list(
        self,
        api: str,
        resource: str,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> list[Document]:
        query = selectors(label_selector, field_selector)
        answer = await self.request("GET", object_path(api, resource, namespace), query=query)
        return complete_items(answer)

    async def create(
        self, api: str, resource: str, document: Document, namespace: str | None = None, name: str = ""
    ) -> Document:
        """Creates an object; `name` with a resource like `pods/x` is for sub-resources such as `binding` or `token`."""
        return await self.request("POST", object_path(api, resource, namespace, name), body=document)

    async def replace(
        self, api: str, resource: str, document: Document, namespace: str | None = None
    ) -> Document:
        name = document["metadata"]["name"]
        return await self.request("PUT", object_path(api, resource, namespace, name), body=document)

    async def patch(
        self,
        api: str,
        resource: str,
        name: str,
        patch: Any,
        namespace: str | None = None,
        *,
        kind: Merge = "merge",
        subresource: str = "",
    ) -> Document:
        path = object_path(api, resource, namespace, name, subresource)
        return await self.request("PATCH", path, body=patch, content_type=PATCH_TYPES[kind])

    async def update_status(
        self, api: str, resource: str, name: str, status: Document, namespace: str | None = None
    ) -> Document:
        """Merges `status` into the object's status sub-resource."""
        return await self.patch(
            api, resource, name, {"status": status}, namespace, subresource="status", kind="merge"
        )

    async def apply(
        self,
        api: str,
        resource: str,
        document: Document,
        namespace: str | None = None,
        *,
        field_manager: str,
        force: bool = True,
    ) -> Document:
        """Server-side apply."""
        path = object_path(api, resource, namespace, document["metadata"]["name"])
        query = {"fieldManager": field_manager, "force": "true" if force else "false"}
        return await self.request(
            "PATCH", path, body=document, query=query, content_type="application/apply-patch+yaml"
        )

    async def delete(
        self,
        api: str,
        resource: str,
        name: str,
        namespace: str | None = None,
        *,
        grace_seconds: int | None = None,
        uid: str | None = None,
    ) -> None:
        """Deletes; an object that is already gone is no error."""
        options: Document = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            await self.request("DELETE", object_path(api, resource, namespace, name), body=options)
        except ApiError as error:
            if not error.is_missing:
                raise

    async def watch(
        self,
        api: str,
        resource: str,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        on_synced: Callable[[], None] | None = None,
    ) -> AsyncIterator[WatchEvent]:
        """Every object once as ADDED, then each change, for ever.

        A lost connection or an expired version leads to a new list; what vanished meanwhile comes as DELETED.
        `on_synced` is called after each full list. The first list's refusal is raised, later ones are retried.
        """
        path, query = object_path(api, resource, namespace), selectors(label_selector, field_selector)
        known: dict[str, Document] = {}
        listed = False
        pause = 0.1
        while True:
            try:
                answer = await self.request("GET", path, query=query)
                for event in differences(known, complete_items(answer)):
                    yield event
                listed, pause = True, 0.1
                if on_synced is not None:
                    on_synced()
                version = answer["metadata"]["resourceVersion"]
                async with contextlib.aclosing(self._stream(path, query, version)) as events:
                    async for event in events:
                        remember(known, event)
                        yield event
            except ApiError as error:
                if not listed and error.status not in (0, 429, 500, 503):
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Document:
        """One request with a JSON answer; raises ApiError for every status from 400 and for a lost connection."""
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.access.headers(), "Content-Type": content_type, "Accept": "application/json"}
        try:
            async with self._client().request(
                method, self.access.server + path, params=query or {}, data=data, headers=headers
            ) as response:
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise ApiError(0, "Unreachable", f"{method} {path}: {error or type(error).__name__}") from error
        if response.status >= 400:
            raise refusal(response.status, text)
        answer: Document = json.loads(text) if text else {}
        return answer

    async def text(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """The plain body of a GET, for example a pod's log or /readyz."""
        try:
            async with self._client().get(
                self.access.server + path, params=query or {}, headers=self.access.headers()
            ) as response:
                body = await response.text()
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise ApiError(0, "Unreachable", f"GET {path}: {error or type(error).__name__}") from error
        if response.status >= 400:
            raise refusal(response.status, body)
        return body

    async def _stream(
        self, path: str, query: Mapping[str, str], version: str
    ) -> AsyncGenerator[WatchEvent, None]:
        """Changes after `version` until the server ends the stream, bookmarks left out."""
        wanted = {
            **query, "watch": "1", "resourceVersion": version,
            "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_SECONDS),
        }  # fmt: skip
        limits = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=WATCH_SECONDS + 30)
        try:
            async with self._client().get(
                self.access.server + path, params=wanted, headers=self.access.headers(), timeout=limits
            ) as response:
                if response.status >= 400:
                    raise refusal(response.status, await response.text())
                async for line in lines(response.content):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        return
                    if event["type"] != "BOOKMARK":
                        yield WatchEvent(event["type"], event["object"])
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            return

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self.access.tls, limit=0)
            timeout = aiohttp.ClientTimeout(total=60, sock_connect=10)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)
        return self._session


def object_path(
    api: str, resource: str, namespace: str | None = None, name: str = "", subresource: str = ""
) -> str:
    """`/apis/apps/v1/namespaces/a/statefulsets/b/status`; a resource of the form `pods/log` puts the name between."""
    kind, _, below = resource.partition("/")
    scope = f"/namespaces/{namespace}" if namespace else ""
    tail = "".join(f"/{part}" for part in (name, below, subresource) if part)
    return f"{api}{scope}/{kind}{tail}"


def selectors(label_selector: str, field_selector: str) -> dict[str, str]:
    query = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {name: value for name, value in query.items() if value}


def complete_items(answer: Document) -> list[Document]:
    """Items of a list with the kind and version that the API leaves out of them."""
    kind = str(answer.get("kind", "")).removesuffix("List")
    return [
        {"apiVersion": answer.get("apiVersion"), "kind": kind, **item} for item in answer.get("items") or []
    ]


def differences(known: dict[str, Document], items: list[Document]) -> list[WatchEvent]:
    """What a new list changes against what is known; `known` is brought up to date."""
    fresh = {item["metadata"]["uid"]: item for item in items}
    events = [WatchEvent("DELETED", known[uid]) for uid in known if uid not in fresh]
    for uid, item in fresh.items():
        if uid not in known:
            events.append(WatchEvent("ADDED", item))
        elif known[uid]["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
            events.append(WatchEvent("MODIFIED", item))
    known.clear()
    known.update(fresh)
    return events


def remember(known: dict[str, Document], event: WatchEvent) -> None:
    uid = event.object["metadata"]["uid"]
    if event.kind == "DELETED":
        known.pop(uid, None)
    else:
        known[uid] = event.object


async def lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length; the reader's own readline refuses long ones, and objects are long."""
    rest = b""
    async for chunk in content.iter_any():
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            if line:
                yield line


def refusal(status: int, text: str) -> ApiError:
    try:
        answer = json.loads(text)
    except ValueError:
        return ApiError(status, "", text[:500])
    if not isinstance(answer, dict):
        return ApiError(status, "", text[:500])
    return ApiError(status, str(answer.get("reason", "")), str(answer.get("message", text[:500])))


def read_kubeconfig(path: Path, context: str | None = None) -> Access:
    """Server, CA and client certificate or token of one context."""
    from ruamel.yaml import YAML

    document = YAML(typ="safe", pure=True).load(path.read_text())
    chosen = named(document["contexts"], context or document["current-context"])["context"]
    cluster = named(document["clusters"], chosen["cluster"])["cluster"]
    user = named(document["users"], chosen["user"])["user"]
    tls = ssl.create_default_context(
        cadata=(material(cluster, "certificate-authority") or b"").decode() or None
    )
    certificate, key = material(user, "client-certificate"), material(user, "client-key")
    if certificate and key:
        load_certificate(tls, certificate, key)
    return Access(str(cluster["server"]).rstrip("/"), tls, token=str(user.get("token", "")))


def named(entries: list[Document], name: str) -> Document:
    for entry in entries:
        if entry["name"] == name:
            return entry
    raise ApiError(0, "Kubeconfig", f"the kubeconfig has no entry named {name}")


def material(entry: Document, name: str) -> bytes | None:
    """PEM bytes of a kubeconfig field that is given inline or as a file."""
    if inline := entry.get(f"{name}-data"):
        return base64.b64decode(inline)
    if file := entry.get(name):
        return Path(file).read_bytes()
    return None


def load_certificate(tls: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Loads a client certificate that exists only in memory; ssl takes file names, so a memory file lends one."""
    fd = os.memfd_create("client")
    try:
        os.write(fd, certificate + b"\n" + key)
        tls.load_cert_chain(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
