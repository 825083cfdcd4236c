"""What a kubelet process is told: the cluster, its nodes, its network and its folders."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Self

from hybridspan_lab.network.mode import Mode


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """One node; `address` is its address in the virtual network."""

    name: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""
    max_pods: int = 30
    taints: tuple[str, ...] = ()
    """`key=value:Effect`, as an agent pool names them."""
    pods: str = ""
    """The prefix of its pods' addresses, if that is not the nodes' subnet."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            document["name"],
            document["address"],
            dict(document.get("labels") or {}),
            str(document.get("zone") or ""),
            int(document.get("max_pods") or 30),
            tuple(document.get("taints") or ()),
            str(document.get("pods") or ""),
        )


@dataclass(frozen=True, slots=True)
class KubeletConfig:
    """The configuration file. `port` is the TLS port on loopback that the API server is led to; 0 takes a free one.

    `pki` holds ca.crt and ca.key of the cluster. `egress_socket` is where the API server's connections into the
    cluster arrive. `ns_dir` holds the names of network namespaces, `pods_dir` pods' files, `volumes_dir` claims' data.
    """

    cluster: str
    kubeconfig: Path
    pki: Path
    port: int
    nodes: tuple[NodeConfig, ...]
    vnet_id: str
    subnet: IPv4Network
    services: IPv4Network
    ns_dir: Path
    pods_dir: Path
    volumes_dir: Path
    egress_socket: Path
    overlay: IPv4Network | None = None
    """The range of all pods where they have no addresses of the virtual network."""
    region: str = ""
    cache: Path = Path.home() / ".cache" / "hybridspan"
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Images besides the lab's own: name → argument list of the program."""
    network: Mode = "namespaces"
    disk_limits: Path | None = None
    """JSON file of claims whose volumes are to be too small: `cluster/claim` → bytes; it may come later."""
    first_seeds: Path | None = None
    """JSON file: cluster → address that its new Cassandra nodes call first; it may come later."""

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls.from_document(json.loads(path.read_text()))

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        cache = (
            document.get("cache")
            or os.environ.get("HYBRIDSPAN_CACHE")
            or Path.home() / ".cache" / "hybridspan"
        )
        images = document.get("images") or {}
        return cls(
            cluster=document["cluster"],
            kubeconfig=Path(document["kubeconfig"]),
            pki=Path(document["pki"]),
            port=int(document.get("port") or 0),
            nodes=tuple(NodeConfig.from_document(node) for node in document["nodes"]),
            vnet_id=document["vnet_id"],
            subnet=IPv4Network(document["subnet_prefix"]),
            services=IPv4Network(document["service_cidr"]),
            ns_dir=Path(document["ns_dir"]),
            pods_dir=Path(document["pods_dir"]),
            volumes_dir=Path(document["volumes_dir"]),
            egress_socket=Path(document["egress_socket"]),
            overlay=IPv4Network(document["pod_cidr"]) if document.get("pod_cidr") else None,
            region=str(document.get("region") or ""),
            cache=Path(cache),
            network="loopback" if document.get("network") == "loopback" else "namespaces",
            disk_limits=Path(document["disk_limits"]) if document.get("disk_limits") else None,
            first_seeds=Path(document["first_seeds"]) if document.get("first_seeds") else None,
            images={name: tuple(argv) for name, argv in images.items()},
        )

    @property
    def first_seed(self) -> str:
        """The address for this cluster, or nothing."""
        if self.first_seeds is None or not self.first_seeds.exists():
            return ""
        return str(json.loads(self.first_seeds.read_text()).get(self.cluster, ""))

    @property
    def dns_address(self) -> IPv4Address:
        """Address of the cluster's DNS, the tenth, as AKS has it by default."""
        return self.services[10]
