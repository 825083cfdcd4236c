"""Builds the real helm from its Go module; a suitable one on the PATH is taken instead, nothing is compiled then."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from hybridspan_lab.parts.golang import GoProgram
from hybridspan_lab.parts.progress import Progress

VERSION: Final = "v3.22.0"
OLDEST: Final = (3, 14)
"""The oldest helm of one's own that is taken."""
VERSION_SECONDS: Final = 20.0
PROGRAM: Final = GoProgram(
    "helm (first build: 1 to 3 minutes)",
    "labhelm",
    ("go.mod", "go.sum"),
    "helm.sh/helm/v3/cmd/helm",
    f"-s -w -X helm.sh/helm/v3/internal/version.version={VERSION}",
)


def digest() -> str:
    """Eight hex digits that change when a build would give another program."""
    return PROGRAM.digest()


def build(folder: Path, progress: Progress) -> None:
    """Puts `helm` into the folder: a link to one's own, or one built from source.

    Raises PermanentFailure HS-LAB-004 when Go cannot build it; what Go said is in the message.
    """
    target = folder / "helm"
    target.unlink(missing_ok=True)
    if found := own():
        target.symlink_to(found)
        return
    PROGRAM.build(folder / "source", target, progress)


def own() -> Path | None:
    """A helm 3 on the PATH that is new enough, or None."""
    found = shutil.which("helm")
    if found is None:
        return None
    try:
        done = subprocess.run(
            [found, "version", "--short"],
            capture_output=True,
            text=True,
            timeout=VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(found).resolve() if done.returncode == 0 and is_suitable(done.stdout) else None


def is_suitable(said: str) -> bool:
    """Whether `helm version --short` names a version 3 from 3.14 on."""
    match = re.match(r"v(\d+)\.(\d+)\.", said.strip())
    return match is not None and match[1] == "3" and (int(match[1]), int(match[2])) >= OLDEST
