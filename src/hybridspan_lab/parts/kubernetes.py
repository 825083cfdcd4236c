"""Builds the lab's Kubernetes from its Go modules: one program, five names.

The first build takes 4 to 8 minutes on two cores; Go's own cache makes later ones short.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from hybridspan_lab.parts.golang import GoProgram
from hybridspan_lab.parts.progress import Progress

VERSION: Final = "v1.37.2"
NAMES: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")

_LINKER: Final = " ".join(
    [
        "-s -w",
        # Without them kubectl and the clients cannot parse the server's version.
        f"-X k8s.io/component-base/version.gitVersion={VERSION}",
        f"-X k8s.io/component-base/version.gitMajor={VERSION[1:].split('.')[0]}",
        f"-X k8s.io/component-base/version.gitMinor={VERSION[1:].split('.')[1]}",
    ]
)
PROGRAM: Final = GoProgram(
    "Kubernetes (first build: 4 to 8 minutes)", "labkube", ("main.go", "go.mod", "go.sum"), ".", _LINKER
)


def digest() -> str:
    """Eight hex digits that change when a build would give another program."""
    return PROGRAM.digest()


def build(folder: Path, progress: Progress) -> None:
    """Builds the program into the folder under its five names.

    Raises PermanentFailure HS-LAB-004 when Go cannot build it; what Go said is in the message.
    """
    program = folder / "kubernetes"
    PROGRAM.build(folder / "source", program, progress)
    for name in NAMES:
        link = folder / name
        link.unlink(missing_ok=True)
        os.link(program, link)
    program.unlink()
