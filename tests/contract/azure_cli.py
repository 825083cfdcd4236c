"""The real azure-cli, installed for the tests alone into an environment of its own in the cache."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.contract.lab import Lab

VERSION = "2.91.0"
INSTALL_SECONDS = 1800
COMMAND_SECONDS = 300


def cache() -> Path:
    return Path(os.environ.get("HYBRIDSPAN_CACHE") or Path.home() / ".cache" / "hybridspan")


def installed() -> Path:
    """The az program; installs it at the first use, once for all who wait."""
    home = cache() / f"azure-cli-{VERSION}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f".{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            _install(home)
            (home / "complete").touch()
    return home / "bin" / "az"


def _install(home: Path) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    wanted = f"azure-cli=={VERSION}"
    if uv is None:
        venv.create(home, with_pip=True)
        _run([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", wanted])
        return
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(home)])
    _run(
        [
            uv,
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--python",
            str(home / "bin" / "python"),
            wanted,
        ]
    )


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr[-2000:]}"


@dataclass(frozen=True)
class Az:
    """az as a person has it: a configuration of its own, and no way out but to the lab."""

    program: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [str(self.program), *arguments]
        return subprocess.run(
            argv, capture_output=True, text=True, env=dict(self.environment), timeout=COMMAND_SECONDS
        )

    def text(self, *arguments: str) -> str:
        """Standard output of a command that must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"az {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    def json(self, *arguments: str) -> Any:
        return json.loads(self.text(*arguments))


def environment(home: Path, authority: Path) -> dict[str, str]:
    """What az needs to talk to the lab and to nobody else: any other host meets a closed port."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AZURE_CONFIG_DIR": str(home / "azure"),
        "REQUESTS_CA_BUNDLE": str(authority),
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_CORE_NO_COLOR": "true",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "localhost,127.0.0.1",
        "PYTHONWARNINGS": "ignore",
    }


def signed_in(lab: Lab, home: Path) -> Az:
    """az, logged in to the lab as its own cloud."""
    az = Az(installed(), environment(home, lab.authority))
    az.text("cloud", "register", "--name", "Lab", "--endpoint-resource-manager", lab.base)
    az.text("cloud", "set", "--name", "Lab")
    login = ("login", "--service-principal", "--username", lab.client, "--password", lab.secret)
    az.text(*login, "--tenant", lab.tenant)
    return az


if __name__ == "__main__":
    print(f"az {VERSION}: {installed()}")
