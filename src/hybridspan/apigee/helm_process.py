"""helm as a process: one that outlives us, whose output lies in a file, and that a later run finds again."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from hybridspan.errors import PermanentFailure, TemporaryFailure

LOOK_SECONDS: Final = 0.2


def running(mark: Path, name: str) -> int | None:
    """The process of a run that we started, while it lives; None otherwise."""
    try:
        number = int(told_by(mark).split()[0])
        os.kill(number, 0)
    except (OSError, ValueError, IndexError):
        return None
    return number if _is_ours(number, name) else None


def marked(mark: Path) -> int | None:
    """The revision that the run which left the mark was to make; None where there is no such mark."""
    try:
        return int(told_by(mark).split()[1])
    except (ValueError, IndexError):
        return None


def told_by(mark: Path) -> str:
    """What the mark holds; empty where there is none."""
    try:
        return mark.read_text()
    except OSError:
        return ""


def _is_ours(number: int, name: str) -> bool:
    """Whether a living process is that helm and not another that got its number; believed where the system does not tell."""
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return not Path("/proc/self").exists()
    return "upgrade" in words and name in words


def private_file(path: Path) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


async def followed(process: asyncio.subprocess.Process, log: Path) -> AsyncIterator[str]:
    """The lines of the file as they come, each when it is whole, until the process has ended."""
    begun = ""
    with log.open(encoding="utf-8", errors="replace") as text:
        while True:
            ended = process.returncode is not None
            *lines, begun = (begun + text.read()).split("\n")
            for line in [*lines, begun] if ended else lines:
                if line.strip():
                    yield line.rstrip()
            if ended:
                return
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await process.wait()
            except TimeoutError:
                continue


async def ended(
    process: asyncio.subprocess.Process, seconds: float, argv: Sequence[str]
) -> tuple[bytes, bytes]:
    """What a short run printed; it changes nothing, so it may be killed."""
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate()
            return out or b"", err or b""
    except TimeoutError as error:
        raise TemporaryFailure(
            "HS-APIGEE-034",
            f"helm did not end within {seconds:.0f} s, and was stopped: it had nothing to change",
            where=" ".join(argv),
            hint="see that the cluster's API server and the charts' registry answer, then run again",
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def environment(kubeconfig: Path) -> dict[str, str]:
    """The person's own, registry logins and all, but for what would lead helm to another cluster than ours."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HELM_KUBE") and k != "HELM_NAMESPACE"}
    return {**kept, "KUBECONFIG": str(kubeconfig)}


def program() -> str:
    """The program file; PermanentFailure where there is none."""
    found = shutil.which("helm")
    if found is None:
        raise PermanentFailure(
            "HS-APIGEE-031",
            "the program helm is not there",
            where="PATH",
            hint="install helm 3.14 or later, and put it on the PATH",
        )
    return found
