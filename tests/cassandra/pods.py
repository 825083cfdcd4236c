"""Pods without a cluster: their bash runs on this machine, their nodetool is a script of the test's."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybridspan.errors import HybridspanError
from hybridspan.facts.kubernetes import PodFacts
from hybridspan.secrets import Secret

PASSWORD = "a'strange \"one"

CREDENTIALS = {
    f"{role}.{part}": Secret(value)
    for role, user in (("admin", "admin_user"), ("ddl", "ddl_user"), ("dml", "dml_user"), ("jmx", "jmxuser"))
    for part, value in (("user", user), ("password", PASSWORD))
}


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    stdout: str
    stderr: str


@dataclass
class LocalPort:
    number: int
    refusal: HybridspanError | None = None


@dataclass
class LocalPods:
    """Satisfies PodAccess; `folder/bin` comes first on the PATH, `/tmp/hybridspan` is a folder of the test's."""

    folder: Path
    name: str = "apigee-test"
    kubectl: str = "kubectl --context apigee-test"
    secrets: dict[str, Any] = field(default_factory=lambda: {"apigee-datastore-default-creds": CREDENTIALS})
    found: tuple[PodFacts, ...] = ()
    argvs: list[Sequence[str]] = field(default_factory=list)
    refusal: HybridspanError | None = None
    """Why the API server opens no way to a port."""

    def program(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    async def exec(self, namespace, pod, argv, *, container=None, stdin=None, timeout=60.0) -> Ended:
        self.argvs.append(argv)
        words = [word.replace("/tmp/hybridspan", str(self.folder / "tasks")) for word in argv]
        env = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "TEST_FOLDER": str(self.folder),
        }
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *words, stdin=pipe, stdout=pipe, stderr=pipe, env=env, start_new_session=True
        )
        try:
            stdout, stderr = await asyncio.wait_for(process.communicate(stdin), timeout)
        except BaseException:  # broken off: what a look has begun must not outlive its test
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process._transport.close()  # type: ignore[attr-defined]  # its pipes, whoever else holds their other ends
            raise
        return Ended(process.returncode or 0, stdout.decode(), stderr.decode())

    @asynccontextmanager
    async def forward(self, namespace: str, pod: str, port: int):
        yield LocalPort(port, self.refusal)

    async def secret(self, namespace: str, name: str):
        return self.secrets.get(name, {})

    async def pods(self, namespace: str, labels: str = "") -> tuple[PodFacts, ...]:
        return self.found
