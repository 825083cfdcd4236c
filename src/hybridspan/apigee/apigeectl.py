"""The installer `apigeectl`, started as a person would: from the PATH, with a kubeconfig of one context.

It reads relative paths from the current folder, so it runs where the overrides file lies. Every line that it prints goes
to the record. HYBRIDSPAN_APIGEECTL names another program file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hybridspan.errors import PermanentFailure, TemporaryFailure

Recorder = Callable[[str, Mapping[str, Any]], None]
LineSink = Callable[[str], None]

PROGRAM_VARIABLE: Final = "HYBRIDSPAN_APIGEECTL"
_LAST_LINES: Final = 12
_GRACE_SECONDS: Final = 10.0
PASSING: Final = re.compile(
    r"no endpoints available|connection refused|connection reset|i/o timeout|TLS handshake timeout"
    r"|context deadline exceeded|etcdserver: |too many requests|the object has been modified|failed calling webhook",
    re.IGNORECASE,
)


class Apigeectl:
    """The installer for one cluster; `kubeconfig` is a file with that cluster's one context."""

    def __init__(self, kubeconfig: Path, record: Recorder) -> None:
        self._kubeconfig = kubeconfig
        self._record = record

    async def version(self) -> str | None:
        """The release that the program says it is, such as 1.11.2; None where it does not tell."""
        code, lines = await self._run(("version",), Path.cwd(), lambda _: None, 30.0)
        found = re.search(r"\d+\.\d+\.\d+(?:-hotfix\.\d+)?", "\n".join(lines))
        return found.group() if code == 0 and found else None

    async def init(self, overrides: Path, on_line: LineSink, *, seconds: float = 900.0) -> None:
        """Install the controller and what it needs; failures as for `apply`."""
        await self._succeed(("init",), overrides, on_line, seconds)

    async def apply(
        self, overrides: Path, on_line: LineSink, *, parts: Sequence[str] = (), seconds: float = 900.0
    ) -> None:
        """Apply all or the named parts (`--datastore`).

        TemporaryFailure where its last words say that waiting helps, else PermanentFailure with them.
        """
        await self._succeed(("apply", *parts), overrides, on_line, seconds)

    async def check_ready(self, overrides: Path, *, seconds: float = 120.0) -> tuple[bool, str]:
        """Whether everything is ready, and the program's last line."""
        code, lines = await self._run(
            ("check-ready", "-f", overrides.name), overrides.parent, lambda _: None, seconds
        )
        return code == 0, lines[-1] if lines else ""

    async def _succeed(
        self, words: Sequence[str], overrides: Path, on_line: LineSink, seconds: float
    ) -> None:
        code, lines = await self._run((*words, "-f", overrides.name), overrides.parent, on_line, seconds)
        if code == 0:
            return
        told = "\n".join(lines)
        where = f"apigeectl {' '.join(words)} -f {overrides}"
        if PASSING.search(told):
            raise TemporaryFailure(
                "HS-APIGEE-003",
                "apigeectl could not do it now",
                where=where,
                why=told,
                hint=f"kubectl --kubeconfig {self._kubeconfig} get pods -n apigee-system shows whether the controller and its webhook"
                " are ready; once they are, run apply again",
            )
        raise PermanentFailure(
            "HS-APIGEE-002",
            f"apigeectl ended with exit code {code}",
            where=where,
            why=told,
            hint="correct what its last lines name, then run apply again",
        )

    async def _run(
        self, words: Sequence[str], folder: Path, on_line: LineSink, seconds: float
    ) -> tuple[int, list[str]]:
        argv = (program(), *words)
        self._record("apigeectl", {"argv": list(argv), "folder": str(folder)})
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            env=os.environ | {"KUBECONFIG": str(self._kubeconfig)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        last: deque[str] = deque(maxlen=_LAST_LINES)
        try:
            async with asyncio.timeout(seconds):
                code = await self._listen(process, last, on_line)
        except TimeoutError as error:
            raise TemporaryFailure(
                "HS-APIGEE-005",
                f"apigeectl did not end within {seconds:.0f} s",
                where=" ".join(argv),
                why="\n".join(last),
                hint=f"kubectl --kubeconfig {self._kubeconfig} get pods -A says what it waits for",
            ) from error
        finally:
            await _end(process)
        self._record("apigeectl", {"argv": list(argv), "code": code})
        return code, list(last)

    async def _listen(self, process: asyncio.subprocess.Process, last: deque[str], on_line: LineSink) -> int:
        assert process.stdout is not None
        while content := await process.stdout.readline():
            line = content.decode(errors="replace").rstrip()
            if line:
                last.append(line)
                self._record("apigeectl", {"line": line})
                on_line(line)
        return await process.wait()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the program and what it started, if it still runs (a deadline, a cancellation)."""
    if process.returncode is not None:
        return
    for number, patience in ((signal.SIGTERM, _GRACE_SECONDS), (signal.SIGKILL, _GRACE_SECONDS)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await process.wait()
            return


def program() -> str:
    """The installer's program file; PermanentFailure where there is none."""
    named = os.environ.get(PROGRAM_VARIABLE)
    found = shutil.which(named or "apigeectl")
    if found is None:
        raise PermanentFailure(
            "HS-APIGEE-001",
            f"the program {named or 'apigeectl'} is not there",
            where=f"environment variable {PROGRAM_VARIABLE}" if named else "PATH",
            hint=f"put the release's apigeectl on the PATH, or name it by {PROGRAM_VARIABLE}",
        )
    return found


async def must_match(installer: Apigeectl, wanted: str) -> None:
    """PermanentFailure where the program says that it is of another release than the topology's."""
    told = await installer.version()
    if told is not None and told != wanted:
        raise PermanentFailure(
            "HS-APIGEE-004",
            f"apigeectl is of release {told}, the topology says {wanted}",
            where=program(),
            hint=f"use apigeectl {wanted}: all regions need one release",
        )
