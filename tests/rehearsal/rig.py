"""A rehearsal: a lab of its own, a working copy of an example, and the commands of a person, in processes of their own.

The test process has no route into the lab's networks; neither have the commands. They get what `lab env` prints.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import jsonschema

from tests.contract import azure_cli
from tests.rehearsal.listening import Listening

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
UNCHANGED = re.compile(r"^ *[\d.]+s unchanged +(\S+)  \S", re.MULTILINE)
"""The id of a step that had nothing to do, in a line of a run without a terminal that gives a reason too."""


class Rig:
    """One lab and one working directory."""

    def __init__(self, example: str) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="hs-", dir="/tmp"))
        self.home = self.base / "lab"
        self.directory = self.base / "work"
        shutil.copytree(EXAMPLES / example, self.directory)
        self.topology = self.directory / "hybrid.yaml"
        self.namespace = "apigee"
        self.credentials = "apigee-datastore-default-creds"
        """The secret with Cassandra's users."""
        self.heard: set[tuple[str, str]] = set()
        """(program, address) of every connection of a command in the background and of what it starts."""
        self._signed_in = False
        self.environment: Mapping[str, str] = {**os.environ, "HYBRIDSPAN_LAB_HOME": str(self.home)}

    @property
    def charts(self) -> Path:
        """The lab's charts, unpacked."""
        return self.home / "charts"

    def use_namespace(self, name: str) -> None:
        """Apigee lives in a namespace of another name, in the topology and the overrides; before the lab is up."""
        for path in (self.topology, self.directory / "overrides_apigee-eastus.yaml"):
            text = path.read_text()
            assert text.count("namespace: apigee\n") == 1, path
            path.write_text(text.replace("namespace: apigee\n", f"namespace: {name}\n"))
        self.namespace = name

    def use_credentials(self, name: str) -> None:
        """Cassandra's users are in a secret of another name; before the lab is up."""
        overrides = self.directory / "overrides_apigee-eastus.yaml"
        text = overrides.read_text()
        assert text.count(f"secret: {self.credentials} ") == 1
        overrides.write_text(text.replace(f"secret: {self.credentials} ", f"secret: {name} "))
        self.credentials = name

    def up(self, *options: str) -> None:
        self.hybridspan("lab", "up", str(self.topology), *options)
        from hybridspan_lab import control

        self.environment = {**self.environment, **control.environment(self.home)}

    def down(self) -> None:
        self.hybridspan("lab", "down", timeout=300)
        shutil.rmtree(self.base, ignore_errors=True)

    def start(self, *arguments: str, log: str = "out.log") -> subprocess.Popen[bytes]:
        """A command in the background, its words in a file of the working directory; its connections are heard."""
        listening = Listening(lambda program, target: self.heard.add((program, target)))
        socket = listening.there.fileno()
        with (self.directory / log).open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("watched.py")), str(socket), *arguments],
                env=dict(self.environment),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[socket],
            )
        listening.start()
        return process

    def hybridspan(
        self, *arguments: str, expect: int | None = 0, timeout: float = 1200
    ) -> subprocess.CompletedProcess[str]:
        """hybridspan as a person runs it; what it prints as JSON must be what the published schema says."""
        done = self.run(sys.executable, "-m", "hybridspan", *arguments, expect=expect, timeout=timeout)
        if "--json" in arguments and expect is not None and arguments[0] != "lab":
            schema = json.loads((ROOT / "docs" / "schemas" / f"{arguments[0]}.schema.json").read_text())
            jsonschema.validate(json.loads(done.stdout), schema)
        return done

    def apply(
        self, *options: str, expect: int | None = 0, timeout: float = 1500
    ) -> subprocess.CompletedProcess[str]:
        arguments = ("apply", str(self.topology), "--yes", "--past-no-return", *options)
        return self.hybridspan(*arguments, expect=expect, timeout=timeout)

    def step(self, name: str) -> dict[str, Any]:
        """What the plan says of a step now."""
        plan = json.loads(self.hybridspan("plan", str(self.topology), "--json", expect=None).stdout)
        found: dict[str, Any] = next(s for s in plan["steps"] if s["id"] == name)
        return found

    def is_proved(self) -> bool:
        """Whether `verify` proves every data center."""
        proved: bool = json.loads(self.hybridspan("verify", str(self.topology), "--json").stdout)["proved"]
        return proved

    def seed_is_out(self) -> None:
        """Of the second region's file and of its live datastore."""
        assert "multiRegionSeedHost" not in (self.directory / "overrides_apigee-centralus.yaml").read_text()
        get = ("get", "apigeeds", "default", "-n", self.namespace, "-o", "json")
        assert "multiRegionSeedHost" not in self.kubectl("apigee-centralus", *get)

    def another_apply_does_nothing(self) -> None:
        """It acts on nothing, and says of each step of the plan, once, why it is as it should be."""
        plan = json.loads(self.hybridspan("plan", str(self.topology), "--json").stdout)
        acted = len(self.events("acting"))
        done = self.apply()
        assert len(self.events("acting")) == acted
        assert "Nothing to do: " in done.stderr
        assert sorted(UNCHANGED.findall(done.stderr)) == sorted(step["id"] for step in plan["steps"])

    def kubectl(self, context: str, *arguments: str, expect: int | None = 0, stdin: str | None = None) -> str:
        return self.run("kubectl", "--context", context, *arguments, expect=expect, stdin=stdin).stdout

    def password(self, context: str, user: str) -> str:
        """The password of `jmx`, `ddl`, `dml` or `admin`, from the credentials' secret of that cluster."""
        path = f"jsonpath={{.data.{user}\\.password}}"
        get = ("get", "secret", self.credentials, "-n", self.namespace, "-o", path)
        return base64.b64decode(self.kubectl(context, *get)).decode()

    def nodetool(self, context: str, ordinal: int, *arguments: str) -> str:
        """nodetool in a Cassandra pod, with the password on standard input."""
        password = self.password(context, "jmx")
        script = 'umask 077; f=$(mktemp); cat > "$f"; nodetool -u jmxuser -pwf "$f" "$@"; code=$?; rm -f "$f"; exit $code'
        pod = (
            "exec",
            "-i",
            f"apigee-cassandra-default-{ordinal}",
            "-n",
            self.namespace,
            "--",
            "bash",
            "-c",
            script,
            "-",
        )
        return self.kubectl(context, *pod, *arguments, stdin=f"jmxuser {password}\n")

    def az(self, *arguments: str) -> str:
        """The real az, signed in to the lab as a service principal; the secret comes from a file."""
        program = str(azure_cli.installed())
        if not self._signed_in:
            secret = self.base / "client-secret"
            secret.touch(mode=0o600)
            secret.write_text(self.environment["AZURE_CLIENT_SECRET"])
            login = (
                "login",
                "--service-principal",
                "-u",
                self.environment["AZURE_CLIENT_ID"],
                "-p",
                f"@{secret}",
            )
            self.run(program, *login, "--tenant", self.environment["AZURE_TENANT_ID"])
            self._signed_in = True
        return self.run(program, *arguments).stdout

    def cqlsh(self, context: str, port: str, statement: str) -> str:
        """The real cqlsh on a forwarded port, with the region's client certificate; the password comes from a file."""
        read = ("get", "secret", "apigee-cassandra-default-tls", "-n", "apigee", "-o", "json")
        data = json.loads(self.kubectl(context, *read))["data"]
        for name in ("tls.crt", "tls.key", "ca.crt"):
            (self.base / name).write_bytes(base64.b64decode(data[name]))
        password = self.password(context, "ddl")
        (self.base / "credentials").write_text(f"[PlainTextAuthProvider]\npassword = {password}\n")
        (self.base / "credentials").chmod(0o600)
        files = (
            f"certfile = {self.base}/ca.crt\nuserkey = {self.base}/tls.key\nusercert = {self.base}/tls.crt\n"
        )
        (self.base / "cqlshrc").write_text(f"[ssl]\n{files}validate = true\n")
        options = ("--cqlshrc", str(self.base / "cqlshrc"), "--credentials", str(self.base / "credentials"))
        return self.run(
            "cqlsh", *options, "--ssl", "-u", "ddl_user", "-e", statement, "127.0.0.1", port
        ).stdout

    def run(
        self, *command: str, expect: int | None = 0, timeout: float = 600, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A finished command; its words are part of the failure when the exit code is another."""
        done = subprocess.run(
            command,
            env=dict(self.environment),
            cwd=self.directory,
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if expect is not None and done.returncode != expect:
            words = f"{' '.join(command)}\nexit {done.returncode}, expected {expect}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
            raise AssertionError(words)
        return done

    def events(self, kind: str | None = None, *, after: int = 0) -> list[dict[str, Any]]:
        """The journal's lines so far, or those after a sequence number; a file that is being written can be read."""
        path = next(self.directory.glob(".hybridspan/*/journal.sqlite"), None)
        if path is None:
            return []
        fields = ("sequence", "run", "kind", "step", "document")
        query = f"SELECT {', '.join(fields)} FROM events WHERE (?1 IS NULL OR kind=?1) AND sequence > ?2 ORDER BY sequence"
        with closing(sqlite3.connect(path, timeout=60)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchall():
                return []
            rows = db.execute(query, (kind, after)).fetchall()
        return [{**dict(zip(fields, row, strict=True)), "document": json.loads(row[-1])} for row in rows]

    def arm_requests(self) -> list[dict[str, Any]]:
        """What the lab's Resource Manager was asked, in order."""
        journals = sorted(self.home.rglob("requests.jsonl"))
        return [json.loads(line) for path in journals for line in path.read_text().splitlines()]


def eventually(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The condition's first true value; AssertionError when the deadline has passed."""
    end = time.monotonic() + seconds
    pause = 0.05
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 1.0)


@contextmanager
def rehearsal(example: str, *options: str, namespace: str = "apigee") -> Iterator[Rig]:
    """A lab that is up, with Apigee in that namespace, and down again whatever happens."""
    rig = Rig(example)
    if namespace != rig.namespace:
        rig.use_namespace(namespace)
    try:
        rig.up(*options)
        yield rig
    finally:
        rig.down()
