"""What `kubectl top` asks: metrics.k8s.io, which AKS's metrics-server answers in every cluster.

The API server finds it by a service without a selector whose endpoints are the nodes; there the kubelets' own server
answers. Who may ask is the API server's matter; only it has a certificate that the kubelets take.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiohttp import web

from hybridspan_lab.kubeapi import ApiError, Document, KubeApi
from hybridspan_lab.kubelet.config import NodeConfig
from hybridspan_lab.kubelet.usage import Meter, Name, Usage, in_all

LOG: Final = logging.getLogger(__name__)
GROUP: Final = "metrics.k8s.io"
VERSION: Final = "v1beta1"
PATH: Final = f"/apis/{GROUP}/{VERSION}"
NAMESPACE: Final = "kube-system"
SERVICE: Final = "metrics-server"
SERVER_NAME: Final = f"{SERVICE}.{NAMESPACE}.svc"
"""What the API server wants to be vouched for."""
FIELD_MANAGER: Final = "lab-kubelet"
WINDOW: Final = "15s"


class Metrics:
    """The handlers."""

    def __init__(self, api: KubeApi, meter: Meter) -> None:
        self._api = api
        self._meter = meter

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get(PATH, self.discover)
        router.add_get(f"{PATH}/nodes", self.nodes)
        router.add_get(f"{PATH}/nodes/{{name}}", self.nodes)
        router.add_get(f"{PATH}/pods", self.pods)
        router.add_get(f"{PATH}/namespaces/{{namespace}}/pods", self.pods)
        router.add_get(f"{PATH}/namespaces/{{namespace}}/pods/{{name}}", self.pods)

    async def discover(self, _: web.Request) -> web.Response:
        kinds = {"nodes": ("NodeMetrics", False), "pods": ("PodMetrics", True)}
        resources = [
            {"name": name, "singularName": "", "kind": kind, "namespaced": inside, "verbs": ["get", "list"]}
            for name, (kind, inside) in kinds.items()
        ]
        version = f"{GROUP}/{VERSION}"
        return web.json_response(
            {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}
        )

    async def pods(self, request: web.Request) -> web.Response:
        usage, wanted = await self._meter.usage(), await self._wanted(request, "pods")
        found = [pod_metrics(pod, usage) for pod in wanted]
        return answer(request, "PodMetrics", [one for one in found if one["containers"]])

    async def nodes(self, request: web.Request) -> web.Response:
        usage, wanted = await self._meter.usage(), await self._wanted(request, "nodes")
        places = {pod["metadata"]["uid"]: pod["spec"].get("nodeName") for pod in await self._every_pod()}
        found = []
        for node in wanted:
            name = node["metadata"]["name"]
            here = in_all(used for (uid, _), used in usage.items() if places.get(uid) == name)
            found.append({**head(node["metadata"]), "usage": quantities(here)})
        return answer(request, "NodeMetrics", found)

    async def _wanted(self, request: web.Request, resource: str) -> list[Document]:
        """The objects that are asked about, by the API server's own word for names and selectors."""
        name, namespace = request.match_info.get("name"), request.match_info.get("namespace")
        if name:
            found = await self._api.find("/api/v1", resource, name, namespace)
            return [found] if found else []
        labels, fields = (request.query.get(f"{kind}Selector", "") for kind in ("label", "field"))
        return await self._api.list(
            "/api/v1", resource, namespace, label_selector=labels, field_selector=fields
        )

    async def _every_pod(self) -> list[Document]:
        return await self._api.list("/api/v1", "pods")


def pod_metrics(pod: Document, usage: Mapping[Name, Usage]) -> Document:
    uid = str(pod["metadata"]["uid"])
    containers = [
        {"name": name, "usage": quantities(used)} for (owner, name), used in usage.items() if owner == uid
    ]
    return {**head(pod["metadata"]), "containers": containers}


def head(metadata: Document) -> Document:
    moment = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if key in metadata}
    return {"metadata": {**kept, "creationTimestamp": moment}, "timestamp": moment, "window": WINDOW}


def quantities(used: Usage) -> dict[str, str]:
    return {"cpu": f"{used.cpu * 1e9:.0f}n", "memory": f"{used.memory // 1024}Ki"}


def answer(request: web.Request, kind: str, found: list[Document]) -> web.Response:
    """A list, or the one that was named."""
    version = {"apiVersion": f"{GROUP}/{VERSION}"}
    if not (name := request.match_info.get("name")):
        return web.json_response({"kind": f"{kind}List", **version, "metadata": {}, "items": found})
    if found:
        return web.json_response({"kind": kind, **version, **found[0]})
    missing = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 404}
    words = f'{kind.lower()}.{GROUP} "{name}" not found'
    return web.json_response({**missing, "reason": "NotFound", "message": words}, status=404)


async def install(api: KubeApi, nodes: Iterable[NodeConfig], port: int, authority: bytes) -> None:
    """Makes service, endpoints and registration known; tried until the new cluster has the namespace for them.

    `authority` is the certificate, in PEM, that vouches for the nodes' servers as `SERVER_NAME`.
    """
    documents = list(registration([node.address for node in nodes], port, authority))
    while True:
        try:
            for path, plural, namespace, document in documents:
                await api.apply(path, plural, document, namespace, field_manager=FIELD_MANAGER)
        except ApiError as error:
            LOG.info("metrics: %s", error)
            await asyncio.sleep(1)
        else:
            return


def registration(
    addresses: list[str], port: int, authority: bytes
) -> Iterable[tuple[str, str, str | None, Document]]:
    """(API, resource, namespace, document) of each object."""
    place: dict[str, Any] = {"name": SERVICE, "namespace": NAMESPACE}
    service = {"ports": [{"name": "https", "port": 443, "targetPort": port}]}
    yield "/api/v1", "services", NAMESPACE, _of("v1", "Service", place, {"spec": service})
    slices = "discovery.k8s.io/v1"
    endpoints = {
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": port}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
    }
    labels = {"kubernetes.io/service-name": SERVICE}
    document = _of(slices, "EndpointSlice", {**place, "labels": labels}, endpoints)
    yield f"/apis/{slices}", "endpointslices", NAMESPACE, document
    registered = "apiregistration.k8s.io/v1"
    spec = {
        "service": {**place, "port": 443},
        "group": GROUP,
        "version": VERSION,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "caBundle": base64.b64encode(authority).decode(),
    }
    document = _of(registered, "APIService", {"name": f"{VERSION}.{GROUP}"}, {"spec": spec})
    yield f"/apis/{registered}", "apiservices", None, document


def _of(version: str, kind: str, metadata: Document, rest: Document) -> Document:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
