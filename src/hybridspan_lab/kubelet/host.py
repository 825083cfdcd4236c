"""What all pods of a kubelet share: configuration, the API, caches of objects, addresses and the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hybridspan_lab.kubeapi import Document, KubeApi
from hybridspan_lab.kubelet.attachments import Attachments
from hybridspan_lab.kubelet.config import KubeletConfig, NodeConfig
from hybridspan_lab.kubelet.loopback import LoopbackAttachments
from hybridspan_lab.kubelet.objects import ObjectCache
from hybridspan_lab.kubelet.podnetwork import ClusterServices

SHELLS: Final = frozenset({"sh", "bash", "dash"})


@dataclass(frozen=True, slots=True)
class Program:
    """What an image's name stands for on this machine."""

    entrypoint: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    path: tuple[Path, ...] = ()
    mounts: tuple[Path, ...] = ()
    secret_mount: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """The kubelet's common surroundings, handed to every pod."""

    config: KubeletConfig
    api: KubeApi
    attachments: Attachments | LoopbackAttachments
    cluster: ClusterServices
    secrets: ObjectCache
    config_maps: ObjectCache
    claims: ObjectCache

    nodes: dict[str, NodeConfig] = field(default_factory=dict)

    def node(self, name: str) -> NodeConfig:
        return self.nodes[name]

    def lookup(self, namespace: str) -> Any:
        """Finds secrets and config maps of one namespace by kind and name."""
        caches = {"secret": self.secrets, "configmap": self.config_maps}
        return lambda kind, name: caches[kind].get(namespace, name)

    def lookup_near(self, namespace: str) -> Any:
        """As `lookup`, but a secret that the namespace lacks may come from another one.

        A client pod is started by hand in whatever namespace a person is in; the database's certificate is in Apigee's.
        """
        near = self.lookup(namespace)

        def find(kind: str, name: str) -> Document | None:
            found: Document | None = near(kind, name)
            return found if found is not None or kind != "secret" else self.secrets.named(name)

        return find

    def program(self, image: str) -> Program | None:
        """The program behind an image's name, or None where no registry would know it."""
        if image in self.config.images:
            return program_of(self.config.images[image])
        from hybridspan_lab import images

        found = images.find(image)
        if found is None:
            return None
        return program_of(found.entrypoint, found.env, found.path, found.mounts, found.secret_mount)


def program_of(argv: tuple[str, ...], *rest: Any) -> Program:
    """A program and its default arguments. A bare shell is an image's command, which a pod's arguments replace."""
    if len(argv) == 1 and Path(argv[0]).name in SHELLS:
        return Program((), argv, *rest)
    return Program(argv, (), *rest)
