"""What all pods of a kubelet share: configuration, the API, caches of objects, addresses and the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybridspan_lab.kubeapi import KubeApi
from hybridspan_lab.kubelet.addresses import AddressPool
from hybridspan_lab.kubelet.config import KubeletConfig, NodeConfig
from hybridspan_lab.kubelet.objects import ObjectCache
from hybridspan_lab.kubelet.podnetwork import ClusterServices
from hybridspan_lab.network.plane import NetworkPlane


@dataclass(frozen=True, slots=True)
class Program:
    """What an image's name stands for on this machine."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    path: tuple[Path, ...] = ()
    mounts: tuple[Path, ...] = ()
    secret_mount: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """The kubelet's common surroundings, handed to every pod."""

    config: KubeletConfig
    api: KubeApi
    plane: NetworkPlane
    addresses: AddressPool
    cluster: ClusterServices
    secrets: ObjectCache
    config_maps: ObjectCache
    claims: ObjectCache

    def node(self, name: str) -> NodeConfig:
        return next(node for node in self.config.nodes if node.name == name)

    def lookup(self, namespace: str) -> Any:
        """Finds secrets and config maps of one namespace by kind and name."""
        caches = {"secret": self.secrets, "configmap": self.config_maps}
        return lambda kind, name: caches[kind].get(namespace, name)

    def program(self, image: str) -> Program | None:
        """The program behind an image's name, or None where no registry would know it."""
        if image in self.config.images:
            return Program(self.config.images[image])
        from hybridspan_lab import images

        found = images.find(image)
        if found is None:
            return None
        return Program(found.entrypoint, found.env, found.path, found.mounts, found.secret_mount)
