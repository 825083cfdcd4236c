"""A container where there are no namespaces: a plain process, whose own files lie below a folder of its pod.

Nothing is mounted. What a pod would see at `/opt/apigee/…` lies at the same path below the folder, volumes as symbolic links,
and the paths in commands and variables are rewritten to it. A program of the lab learns the folder from a variable (`podroot`).
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hybridspan_lab.podroot import ADDRESS_VARIABLE, ROOT_VARIABLE
from hybridspan_lab.sandbox.root import Bind

POD_VARIABLE: Final = "HYBRIDSPAN_LAB_POD"
NAMES_VARIABLE: Final = "HYBRIDSPAN_LAB_NAMES"
SITE: Final = Path(__file__).with_name("site")
_OWN: Final = ("/opt/apigee", "/tmp", "/run", "/var/run")

_HOSTNAME: Final = """#!/bin/sh
case "${{1:-}}" in -f|--fqdn) echo {full} ;; *) echo {short} ;; esac
"""
_GETENT: Final = """#!/bin/sh
exec {python} -m hybridspan_lab.sandbox.names "$@"
"""
_NODETOOL: Final = """#!/bin/sh
# Every node's JMX has a port of its own here: they share one loopback.
case " $* " in *" -p "*|*" --port "*) ;; *) set -- -p "$CASSANDRA_JMX_PORT" "$@" ;; esac
exec {nodetool} "$@"
"""


@dataclass(frozen=True, slots=True)
class PlainRoot:
    """A container's folder, and which paths of commands mean something in it."""

    root: Path
    own: tuple[str, ...]
    kept: tuple[str, ...]
    """Paths of the machine that stay what they are although they may begin like one of the container's."""

    def rewritten(self, text: str) -> str:
        """The text with every path of the container below the root."""
        own = "|".join(re.escape(path) for path in sorted(self.own, key=len, reverse=True))
        kept = "|".join(re.escape(path) for path in self.kept)
        return re.sub(
            rf"(?<![\w./-])(?!(?:{kept})(?:/|\b))(?=(?:{own})(?:/|\b))", lambda _: str(self.root), text
        )

    def path(self, inside: str) -> str:
        return f"{self.root}{inside}"


def make(root: Path, binds: Iterable[Bind], kept: Iterable[str]) -> PlainRoot:
    """An empty folder for one start of a container, with its volumes as links."""
    shutil.rmtree(root, ignore_errors=True)
    for name in ("tmp", "root", "opt/apigee", "run", "bin"):
        (root / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    own = list(_OWN)
    for bind in sorted(binds, key=lambda bind: bind.target):
        link = root / bind.target.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(bind.source)
        own.append(bind.target.rstrip("/"))
    return PlainRoot(root, tuple(dict.fromkeys(own)), (str(root), *kept))


def write_programs(root: PlainRoot, short: str, full: str, path: Iterable[Path]) -> Path:
    """What a pod's own host name, name server and JMX port would give programs; returns their folder."""
    folder = root.root / "bin"
    _program(folder / "hostname", _HOSTNAME.format(short=shlex.quote(short), full=shlex.quote(full)))
    _program(folder / "getent", _GETENT.format(python=shlex.quote(sys.executable)))
    for directory in path:
        if (directory / "nodetool").exists():
            _program(folder / "nodetool", _NODETOOL.format(nodetool=shlex.quote(str(directory / "nodetool"))))
    return folder


def variables(root: PlainRoot, pod_uid: str, address: str, name_server: int) -> Mapping[str, str]:
    """What tells programs of the lab where they are; the pod's uid also marks each of its processes."""
    return {
        ROOT_VARIABLE: str(root.root),
        POD_VARIABLE: pod_uid,
        ADDRESS_VARIABLE: address,
        NAMES_VARIABLE: f"127.0.0.1:{name_server}",
        "HOME": root.path("/root"),
        "TMPDIR": root.path("/tmp"),
        "CASSANDRA_DATA": root.path("/opt/apigee/data/apigee-cassandra"),
        "CASSANDRA_CONF": root.path("/opt/apigee/apigee-cassandra/conf"),
        "CASSANDRA_TLS": root.path("/opt/apigee/ssl"),
        "CASSANDRA_CREDENTIALS": root.path("/opt/apigee/credentials"),
    }


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o700)
