"""Real Cassandra nodes outside of pods, on loopback addresses of this test run."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from hybridspan_lab.apigee.issuing import Pair, issue
from hybridspan_lab.cassandra import jvm, podtools

NETWORK = f"127.{20 + os.getpid() % 200}.{os.getpid() // 200 % 250}"
START_SECONDS = 240
NOW = dt.datetime.now(dt.UTC)
ROOT = {"isCA": True, "commonName": "apigee-hybrid", "privateKey": {"algorithm": "ECDSA"}}
USERS = {
    "default": "cassandra",
    "admin": "admin_user",
    "ddl": "ddl_user",
    "dml": "dml_user",
    "jmx": "jmxuser",
}


@dataclass
class Node:
    """One node's process with its folder, as a pod would have it."""

    folder: Path
    address: str
    tls: Path
    seed: str = ""
    ordinal: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def jmx_port(self) -> int:
        with socket.create_server(("", 0)) as free:  # it listens on every address
            return int(free.getsockname()[1])

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **jvm.Runtime.locate().to_environment(),
            "PYTHONPATH": str(Path(podtools.__file__).parents[2]),
            "POD_NAME": f"apigee-cassandra-default-{self.ordinal}",
            "POD_IP": self.address,
            "CASSANDRA_SERVICE": "apigee-cassandra-default.invalid",
            "CASSANDRA_EXTERNAL_SEED": self.seed,
            "CASSANDRA_DATA": str(self.folder / "data"),
            "CASSANDRA_CONF": str(self.folder / "opt" / "cassandra" / "conf"),
            "CASSANDRA_TLS": str(self.tls),
            "CASSANDRA_CREDENTIALS": str(self.tls.parent / "credentials"),
            "CASSANDRA_REPLICAS": "1",
            "APIGEE_ORG": "hybrid-test-7",
            "MAX_HEAP_SIZE": "256M",
        }

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.port = self.jmx_port
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hybridspan_lab.cassandra.node"],
                env={**self.environment(), "CASSANDRA_JMX_PORT": str(self.port)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def until(self, words: str) -> None:
        """Waits until the log says so or the process has ended."""
        deadline = time.monotonic() + START_SECONDS
        while words not in self.log.read_text(errors="replace"):
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline, f"{words!r} is not in the log"
            time.sleep(0.2)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(120)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=240)

    def task(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", f"hybridspan_lab.cassandra.{module}", *arguments)

    def nodetool(self, *arguments: str, password: bool = True) -> subprocess.CompletedProcess[str]:
        file = self.folder / "password"
        file.write_text("jmxuser of-jmx\n")
        user = ("-u", "jmxuser", "-pwf", str(file)) if password else ()
        return self.run(
            str(podtools.locate().directory / "nodetool"), "-p", str(self.port), *user, *arguments
        )


def certificates(folder: Path, root: Pair) -> Path:
    folder.mkdir(parents=True)
    leaf = issue({"commonName": "apigee-cassandra-default", "dnsNames": ["localhost"]}, root, NOW)
    for name, content in (("tls.crt", leaf.certificate), ("tls.key", leaf.key), ("ca.crt", root.certificate)):
        (folder / name).write_bytes(content)
    return folder
