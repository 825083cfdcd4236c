"""The cache: where the parts lie, when it is full, and the lock under which it is filled."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hybridspan_lab.parts import cassandra, helm, java, kubernetes
from hybridspan_lab.parts.artifacts import read_lock
from hybridspan_lab.parts.downloads import fetch_all
from hybridspan_lab.parts.progress import Progress, silent

_STAMP: Final = "complete.json"
"""Written last into a part's folder: file names and their sizes."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Where everything is that the lab starts."""

    java_home: Path
    """The Java runtime's folder."""
    cassandra_classpath: str
    """Class path of a Cassandra node: its jars, as one wildcard."""
    tools_classpath: str
    """Class path entry that lets JMX by URL work; needs -Djava.naming.factory.url.pkgs=jndi."""
    kube_bin: Path
    """Folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl."""
    helm: Path
    """The `helm` program."""
    cache: Path

    @property
    def java(self) -> Path:
        """The `java` program."""
        return self.java_home / "bin" / "java"


def folder() -> Path:
    """The cache's folder: HYBRIDSPAN_CACHE, or ~/.cache/hybridspan."""
    return Path(os.environ.get("HYBRIDSPAN_CACHE") or Path.home() / ".cache" / "hybridspan").absolute()


def ensure(progress: Progress = silent) -> Parts:
    """Fills the cache with what is missing and says where everything is; blocks, minutes the first time."""
    if not is_complete():
        with _only_one(folder()):
            for part, fill in _fillers().items():
                _fill(folder() / part, fill, progress)
    return _parts(folder())


def is_complete() -> bool:
    """Whether nothing must be fetched or built any more."""
    return all(_is_filled(folder() / part) for part in _fillers())


def _names() -> tuple[str, str, str, str]:
    return (
        cassandra.wanted().part,
        "jmx-names-2",
        f"kubernetes-{kubernetes.VERSION}-{kubernetes.digest()}",
        f"helm-{helm.VERSION}-{helm.digest()}",
    )


def _fillers() -> dict[str, Callable[[Path, Progress], None]]:
    database, names, kube, client = _names()
    return {
        database: _fetch_cassandra,
        names: java.compile_shim,
        kube: kubernetes.build,
        client: helm.build,
    }


def _parts(cache: Path) -> Parts:
    database, names, kube, client = (cache / name for name in _names())
    return Parts(java.runtime(), f"{database}/*", str(names), kube, client / "helm", cache)


def _fetch_cassandra(target: Path, progress: Progress) -> None:
    release = cassandra.wanted()
    fetch_all(read_lock(release.lock), target, f"Cassandra {release.version}", progress)


def _fill(target: Path, fill: Callable[[Path, Progress], None], progress: Progress) -> None:
    if _is_filled(target):
        return
    target.mkdir(parents=True, exist_ok=True)
    fill(target, progress)
    shutil.rmtree(target / "source", ignore_errors=True)
    sizes = {
        str(file.relative_to(target)): file.stat().st_size for file in target.rglob("*") if file.is_file()
    }
    (target / _STAMP).write_text(json.dumps(sizes, indent=1))


def _is_filled(target: Path) -> bool:
    try:
        sizes: dict[str, int] = json.loads((target / _STAMP).read_text())
        return all((target / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


@contextmanager
def _only_one(cache: Path) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting: another process is filling the cache", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
