"""Services and their endpoints: what the cluster's names mean and where a service's address leads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hybridspan_lab.kubeapi import Document
from hybridspan_lab.kubelet.objects import ObjectCache

DOMAIN: Final = "cluster.local"
SERVICE_LABEL: Final = "kubernetes.io/service-name"


class ServiceDirectory:
    """Answers from the services and endpoint slices that the caches hold."""

    def __init__(self, services: ObjectCache, slices: ObjectCache) -> None:
        self._services = services
        self._slices = slices
        self._turn = 0

    def addresses(self, name: str) -> list[str] | None:
        """Addresses of a fully qualified name below the cluster's domain, or None when there is no such name."""
        labels = name.lower().rstrip(".").removesuffix(f".{DOMAIN}").split(".")
        if len(labels) not in (3, 4) or labels[-1] != "svc":
            return None
        service = self._services.get(labels[-2], labels[-3])
        if service is None:
            return None
        cluster_address = service["spec"].get("clusterIP", "None")
        if len(labels) == 3:
            if cluster_address not in ("None", ""):
                return [cluster_address]
            return [address for endpoint in self.ready(service) for address in endpoint["addresses"]]
        found = [a for e in self.ready(service) if e.get("hostname") == labels[0] for a in e["addresses"]]
        return found or None

    def ready(self, service: Document) -> Iterator[Document]:
        """Endpoints that take connections; those of a service that publishes unready ones all count as ready."""
        for piece in self._pieces(service):
            for endpoint in piece.get("endpoints") or []:
                if (endpoint.get("conditions") or {}).get("ready") is not False:
                    yield endpoint

    def virtual_ports(self) -> Iterator[tuple[str, int]]:
        """Every cluster address and TCP port on which some service listens."""
        for service in self._services.objects.values():
            address = service["spec"].get("clusterIP") or "None"
            if address != "None":
                for port in service["spec"].get("ports") or []:
                    if port.get("protocol", "TCP") == "TCP":
                        yield address, int(port["port"])

    def backend(self, address: str, port: int) -> tuple[str, int] | None:
        """An endpoint behind a cluster address and port, each in its turn; None when none is ready."""
        for service in self._services.objects.values():
            if service["spec"].get("clusterIP") != address:
                continue
            for declared in service["spec"].get("ports") or []:
                if int(declared["port"]) == port:
                    return self._choose(service, declared.get("name") or "")
        return None

    def _choose(self, service: Document, port_name: str) -> tuple[str, int] | None:
        found = [
            (address, int(port["port"]))
            for piece in self._pieces(service)
            for port in piece.get("ports") or []
            if (port.get("name") or "") == port_name
            for endpoint in piece.get("endpoints") or []
            if (endpoint.get("conditions") or {}).get("ready") is not False
            for address in endpoint["addresses"]
        ]
        if not found:
            return None
        self._turn += 1
        return found[self._turn % len(found)]

    def _pieces(self, service: Document) -> Iterator[dict[str, Any]]:
        metadata = service["metadata"]
        for piece in self._slices.of_namespace(metadata["namespace"]):
            if (piece["metadata"].get("labels") or {}).get(SERVICE_LABEL) == metadata["name"]:
                yield piece


class LoopbackDirectory(ServiceDirectory):
    """Where pods have loopback addresses: no API server takes an endpoint on one, so the pods themselves are asked.

    A service's own address exists nowhere then, and its name means its endpoints.
    """

    def __init__(self, services: ObjectCache, pods: ObjectCache) -> None:
        super().__init__(services, pods)
        self._pods = pods

    def addresses(self, name: str) -> list[str] | None:
        labels = name.lower().rstrip(".").removesuffix(f".{DOMAIN}").split(".")
        service = (
            self._services.get(labels[1], labels[0]) if len(labels) == 3 and labels[2] == "svc" else None
        )
        if service is None:
            return super().addresses(name)
        return [address for endpoint in self.ready(service) for address in endpoint["addresses"]]

    def _pieces(self, service: Document) -> Iterator[dict[str, Any]]:
        metadata, spec = service["metadata"], service["spec"]
        if not spec.get("selector"):
            return
        for pod in self._pods.of_namespace(metadata["namespace"]):
            labels = pod["metadata"].get("labels") or {}
            if spec["selector"].items() <= labels.items() and (pod.get("status") or {}).get("podIP"):
                ports = [
                    {"name": p.get("name") or "", "port": target(p, pod)} for p in spec.get("ports") or []
                ]
                yield {"endpoints": [endpoint(pod, service)], "ports": ports}


def endpoint(pod: Document, service: Document) -> dict[str, Any]:
    """A pod as an endpoint slice would have it."""
    conditions = pod["status"].get("conditions") or []
    is_ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    named = pod["spec"].get("subdomain") == service["metadata"]["name"]
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": is_ready or bool(service["spec"].get("publishNotReadyAddresses"))},
        "hostname": pod["spec"].get("hostname") if named else None,
    }


def target(port: dict[str, Any], pod: Document) -> int:
    """The number of the pod's port behind a service's."""
    wanted = port.get("targetPort") or port["port"]
    if isinstance(wanted, int):
        return wanted
    declared = [p for c in pod["spec"]["containers"] for p in c.get("ports") or []]
    return next((int(p["containerPort"]) for p in declared if p.get("name") == wanted), int(port["port"]))
