"""Image name → program: what the lab's kubelet starts where a real node would pull an image.

An image is a program of this package with an environment, directories for the PATH and the folders of the host that
it must see. Tags are not looked at: the lab has one version of everything. An unknown name is answered with None, and
the kubelet then reports ErrImagePull as a registry that does not know it would make it do.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from hybridspan_lab.cassandra import podtools

SHELL: Final = "/bin/bash"
CASSANDRA_TLS_SECRET: Final = "apigee-cassandra-default-tls"  # noqa: S105 - the name of a secret
TLS_DIRECTORY: Final = "/opt/apigee/ssl"


@dataclass(frozen=True, slots=True)
class Image:
    """What the kubelet needs to start a container of this image."""

    name: str
    entrypoint: tuple[str, ...]
    """Argument list of the program; a container's `command` replaces it, its `args` are appended to it."""
    env: Mapping[str, str] = field(default_factory=dict)
    path: tuple[Path, ...] = ()
    """Directories to put in front of the PATH, also for exec."""
    shell: str = SHELL
    secret_mount: tuple[str, str] | None = None
    """(secret, mount path) that the kubelet mounts read-only although the pod does not ask for it, where it can.

    Not where the pod has a mount of its own at that path, and not where the secret does not exist.

    The real client image has the client certificate mounted by the person who starts it; here the plain
    `kubectl run … cqlsh` of the documentation works.
    """
    mounts: tuple[Path, ...] = ()
    """Folders of the host that the program reads, visible in the pod at the same place, read-only."""


_MODULES: Final[Mapping[str, str]] = {
    "apigee-hybrid-cassandra": "hybridspan_lab.cassandra.node",
    "apigee-operators": "hybridspan_lab.apigee.controller",
    "cert-manager-controller": "hybridspan_lab.apigee.cert_manager",
}
"""Last part of the image's name → module whose `main` is the container's program."""

_PAUSE: Final = frozenset(
    {
        "apigee-mart-server",
        "apigee-runtime",
        "apigee-synchronizer",
        "apigee-udca",
        "apigee-connect-agent",
        "apigee-ingressgateway",
        "apigee-istiod",
        "apigee-redis",
        "apigee-envoy",
        "apigee-telemetry",
        "apigee-prom-prometheus",
        "cert-manager-webhook",
        "cert-manager-cainjector",
        "pause",
    },
)
"""Images whose containers only have to run: nothing in a rehearsal asks anything of them."""

_WATCHER: Final = "apigee-watcher"
_CLIENT: Final = "apigee-hybrid-cassandra-client"
_SHELLS: Final = frozenset({"busybox", "bash", "alpine", "ubuntu", "debian"})


def find(image: str) -> Image | None:
    """The program behind an image's name (`registry/path/name:tag@digest`), or None where there is none."""
    name = short_name(image)
    if name in _MODULES:
        return _program(image, name, _MODULES[name])
    if name in _PAUSE:
        return Image(image, ("/bin/sleep", "infinity"), mounts=_python_mounts())
    if name == _WATCHER:
        return _watcher(image)
    if name == _CLIENT:
        return _client(image)
    if name in _SHELLS:
        return Image(image, (SHELL,), mounts=_python_mounts())
    return None


def short_name(image: str) -> str:
    """`google/apigee-hybrid-cassandra:1.11.2` → `apigee-hybrid-cassandra`."""
    without_digest = image.partition("@")[0]
    return without_digest.rpartition("/")[2].partition(":")[0]


def _program(image: str, name: str, module: str) -> Image:
    tools = podtools.locate()
    with_cassandra = "cassandra" in name
    return Image(
        image,
        (sys.executable, "-X", "frozen_modules=on", "-m", module),
        env={**_python_env(), **(tools.env if with_cassandra else {})},
        path=(tools.directory,) if with_cassandra else (),
        mounts=(*_python_mounts(), *(tools.mounts if with_cassandra else ())),
    )


def _client(image: str) -> Image:
    """The client image: bash with cqlsh and nodetool on the PATH and the client certificate at hand."""
    tools = podtools.locate()
    return Image(
        image,
        (SHELL,),
        env={**_python_env(), **tools.env},
        path=(tools.directory,),
        secret_mount=(CASSANDRA_TLS_SECRET, TLS_DIRECTORY),
        mounts=(*_python_mounts(), *tools.mounts),
    )


def _watcher(image: str) -> Image:
    """The watcher only has to run; the same image has the program that looks at a cluster before helm changes it."""
    tools = podtools.locate()
    return Image(
        image,
        ("/bin/sleep", "infinity"),
        env=_python_env(),
        path=(tools.directory,),
        mounts=(*_python_mounts(), tools.directory),
    )


def _python_env() -> Mapping[str, str]:
    source = str(Path(__file__).resolve().parents[1])
    return {"PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8"}


@cache
def _python_mounts() -> tuple[Path, ...]:
    """The interpreter, its packages and this package's source, wherever they were installed."""
    source = Path(__file__).resolve().parents[1]
    folders = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parents[1], source}
    return tuple(sorted(folder for folder in folders if folder.is_dir()))
