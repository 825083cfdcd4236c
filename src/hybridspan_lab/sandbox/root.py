"""What a container sees of the machine: programs and libraries read-only, nothing personal.

A pod's image is a name for programs that are already here, so every container gets the same root: the machine's
/usr, the Python environment that the lab itself runs in, and the lab's cache.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import hybridspan_lab

SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32")
SETTINGS: Final = (
    "ssl", "ca-certificates", "pki", "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime",
    "inputrc", "terminfo", "mime.types", "services", "protocols", "fonts",
)  # fmt: skip
IDENTITIES: Final = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or directory of the lab's own tree, and where the container sees it."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One container's surroundings; `root` is an empty directory that the container's tree is mounted on."""

    root: Path
    network: Path
    hostname: str
    files: dict[str, str] = field(default_factory=dict)
    volumes: tuple[Bind, ...] = ()
    programs: tuple[Path, ...] = ()

    def to_document(self, cache: Path) -> dict[str, Any]:
        """The part of `launch.py`'s specification that says what the container sees."""
        shared = [Bind(path, path) for path in shared_directories(cache, self.programs)]
        binds = [*shared, *sorted(self.volumes, key=lambda bind: bind.target)]
        return {
            "network": str(self.network),
            "hostname": self.hostname,
            "root": str(self.root),
            "links": {path: os.readlink(path) for path in SYSTEM if os.path.islink(path)},
            "files": {**IDENTITIES, **self.files},
            "binds": [[bind.source, bind.target, bind.read_only] for bind in binds],
        }


def shared_directories(cache: Path, programs: Iterable[Path]) -> list[str]:
    """Read-only paths that keep their place, parents before children, none of them twice."""
    system = [path for path in SYSTEM if os.path.isdir(path) and not os.path.islink(path)]
    settings = [f"/etc/{name}" for name in SETTINGS]
    python = [sys.prefix, sys.base_prefix, str(Path(hybridspan_lab.__file__).resolve().parents[1])]
    wanted = [*system, "/sys", *settings, *python, str(cache), *(str(path) for path in programs)]
    found: list[str] = []
    for path in sorted({os.path.abspath(path) for path in wanted if os.path.exists(path)}):
        if not any(path == outer or path.startswith(outer + "/") for outer in found):
            found.append(path)
    return found
