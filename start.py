#!/usr/bin/env python3
"""One file from a fresh clone to a running demo or a passed test suite; needs Python 3.11 or later and nothing else.

    python3 start.py demo     set everything up, then rehearse the whole expansion
    python3 start.py test     set everything up, then run the tests that CI runs
    python3 start.py shell    set everything up, then print what puts hybridspan on the PATH: eval "$(python3 start.py shell)"

What it sets up: a virtual environment in .venv with the exact packages of requirements/, each checked by its hash.
"""

import hashlib
import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
LOCKS = (ROOT / "requirements" / "all.txt",)
TESTS = (
    ("-n", "2", "--dist", "loadfile", "-m", "not rehearsal and not long"),
    ("-m", "rehearsal and not long"),  # one at a time: each has a lab that keeps two cores busy
)


def run(*command: object, **options: object) -> int:
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False, **options).returncode


def fail(message: str) -> None:
    sys.exit(f"start.py: {message}")


def set_up() -> None:
    """Make .venv as the lock says; a stamp of the lock's hash makes the second time instant.

    All its words go to stderr: what `shell` prints on stdout is for the shell.
    """
    stamp = ENVIRONMENT / "lock.sha256"
    wanted = hashlib.sha256(b"".join(p.read_bytes() for p in LOCKS)).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted and PYTHON.exists():
        return
    if not PYTHON.exists():
        print("making a virtual environment in .venv …", file=sys.stderr, flush=True)
        try:
            venv.create(ENVIRONMENT, with_pip=True)
        except subprocess.CalledProcessError:
            fail(
                "this Python cannot make virtual environments (on Debian and Ubuntu: apt-get install python3-venv)"
            )
    print("installing the locked packages (about 650 MB, once) …", file=sys.stderr, flush=True)
    pip = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    if run(*pip, "uv==0.13.9", stdout=sys.stderr):
        fail("pip could not install uv; is the package index reachable?")
    uv = (PYTHON, "-m", "uv", "pip")
    if run(*uv, "sync", "--quiet", "--python", PYTHON, "--require-hashes", *LOCKS, stdout=sys.stderr):
        fail("the locked packages could not be installed")
    itself = ("--python", PYTHON, "--no-deps", "--no-build-isolation", "--editable", ".")
    if run(*uv, "install", "--quiet", *itself, stdout=sys.stderr):
        fail("hybridspan itself could not be installed")
    stamp.write_text(wanted)


def fetch_parts() -> int:
    """What the tests start for real: the lab's parts and the azure-cli, once, into the cache."""
    return run(PYTHON, "-m", "hybridspan_lab.parts") or run(PYTHON, "-m", "tests.contract.azure_cli")


def test(*options: str) -> int:
    """All tests that CI runs, also when the first have failed; or what pytest makes of the options."""
    codes = [run(PYTHON, "-m", "pytest", *chosen) for chosen in ([options] if options else TESTS)]
    return next((code for code in codes if code), 0)


def main() -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - this file must say so on any Python
        fail(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}")
    goal, *rest = sys.argv[1:] or ["help"]
    if goal not in ("demo", "test", "shell"):
        print(__doc__)
        return 0 if goal in ("help", "-h", "--help") else 2
    # As pip does: a network whose proxy opens TLS has its authority in the system's store, and in no other.
    os.environ.setdefault("UV_SYSTEM_CERTS", "1")
    set_up()
    bin_dir = ENVIRONMENT / "bin"
    os.environ["PATH"] = f"{bin_dir}{os.pathsep}{os.environ['PATH']}"
    if goal == "demo":
        return run(bin_dir / "hybridspan", "demo", *rest)
    if goal == "test":
        return fetch_parts() or test(*rest)
    print(f'export PATH={shlex.quote(str(bin_dir))}:"$PATH"   # then: hybridspan --help')
    return 0


if __name__ == "__main__":
    sys.exit(main())
