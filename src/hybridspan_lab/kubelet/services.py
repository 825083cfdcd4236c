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
