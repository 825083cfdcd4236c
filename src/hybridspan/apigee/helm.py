"""The real helm, started as a person would: from the PATH, with a kubeconfig of one context.

A run is started in a session of its own and writes to a file, so that it ends by itself whatever becomes of us: a helm that is
killed half-way leaves a release that says `pending` and takes no further run. The next run of ours waits for it, or, where it
is gone, removes its unfinished record and begins anew; a record of any other revision is somebody else's. What a dry run
prints may hold secrets and is thrown away.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from hybridspan.apigee.apigeectl import PASSING
from hybridspan.apigee.chart_failures import AUTHORITY, pull_failure
from hybridspan.apigee.helm_failures import explained, install_failure
from hybridspan.apigee.helm_process import (
    LOOK_SECONDS,
    ended,
    environment,
    followed,
    marked,
    private_file,
    program,
    running,
    told_by,
)
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts.helm import SUBJECTS, HelmRelease, WantedRelease, manner, split_chart

Recorder = Callable[[str, Mapping[str, Any]], None]
LineSink = Callable[[str], None]

HELM_MINUTES: Final = 15
"""How long helm itself waits for what it installed (`--timeout`)."""
_FORM: Final = re.compile(r"(NAME|LAST DEPLOYED|NAMESPACE|STATUS|REVISION|DESCRIPTION|TEST SUITE|NOTES):")
"""What helm says at the end of every run, and a step's reason says better."""
_LIST: Final = (
    "list",
    *("--deployed", "--failed", "--pending", "--uninstalling", "--uninstalled", "--output", "json"),
)
"""Every record, whatever became of the release, for the next revision counts on from it.

helm 3 says `--all` for that, helm 4 lists all and knows no such flag.
"""
_NOT_FOUND: Final = "release: not found"
"""What helm says, 3 and 4 alike, of a release that it has no record of."""
_SHORT_SECONDS: Final = 60.0
_STARTING: Final = "starting"


class Secrets(Protocol):
    """The one thing asked of the cluster beside helm."""

    async def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> bool: ...


@dataclass(frozen=True, slots=True)
class HelmPlace:
    """Where helm acts, and where its output lies."""

    kubeconfig: Path
    namespace: str
    logs: Path

    def log(self, release: str) -> Path:
        return self.logs / f"helm-{self.kubeconfig.stem}-{release}.log"

    def mark(self, release: str) -> Path:
        """Holds the process id of a run that we started and have not seen end, and the revision that it was to make."""
        return self.logs / f"helm-{self.kubeconfig.stem}-{release}.pid"

    def left(self) -> dict[str, str]:
        """What the marks of runs that have ended hold, by release."""
        start = f"helm-{self.kubeconfig.stem}-"
        found = {path.stem.removeprefix(start): path for path in self.logs.glob(f"{start}*.pid")}
        return {name: told_by(path) for name, path in found.items() if running(path, name) is None}

    def command(self, program: Literal["helm", "kubectl"]) -> str:
        """What a person's command about this place begins with, whatever their current context is."""
        return shlex.join((program, "--kubeconfig", str(self.kubeconfig), "-n", self.namespace))


class Helm:
    """helm for one namespace of one cluster."""

    def __init__(self, place: HelmPlace, secrets: Secrets, record: Recorder) -> None:
        self._place = place
        self._secrets = secrets
        self._record = record

    async def releases(self) -> tuple[HelmRelease, ...]:
        """All releases of the namespace, those that failed or are under way too; one that was removed is none.

        `helm uninstall --keep-history` leaves its record, whose name, version and status say nothing about what is there.
        """
        left = self._place.left()
        found = [release for release in await self._listed() if not release.is_removed]
        self._forget(left, {release.name for release in found if release.is_pending})
        subjects = await asyncio.gather(*(self._subject(release) for release in found))
        return tuple(
            HelmRelease(r.name, r.chart, r.version, r.status, r.revision, subject)
            for r, subject in zip(found, subjects, strict=True)
        )

    async def _listed(self) -> list[HelmRelease]:
        return [_release(entry) for entry in json.loads(await self._asked(*_LIST) or "[]")]

    async def _held(self, name: str) -> HelmRelease | None:
        return next((r for r in await self._listed() if r.name == name), None)

    def _forget(self, left: Mapping[str, str], pending: Collection[str]) -> None:
        """A run that ended leaves a mark where nobody followed it to its end: what is pending later is another's."""
        for name, told in left.items():
            mark = self._place.mark(name)
            # One that begins just now writes the mark anew before it has a process.
            if name not in pending and not told.startswith(_STARTING) and told_by(mark) == told:
                mark.unlink(missing_ok=True)

    async def version(self) -> str:
        """As the program says it, such as v3.22.0+g1a2b3c4."""
        return (await self._asked("version", "--short")).strip()

    async def _subject(self, release: HelmRelease) -> str:
        """The environment or group of a release, whatever its status; its other values are not looked at."""
        key = SUBJECTS.get(release.chart)
        if key is None:
            return ""
        try:
            told = await self._asked("get", "values", release.name, "--output", "json")
        except PermanentFailure as failure:
            if _NOT_FOUND in failure.why:
                return ""  # gone since it was listed: an --atomic that failed takes the release away, a person too
            raise
        return str((json.loads(told or "null") or {}).get(key) or "")

    async def upgrade(self, release: WantedRelease, chart: Path, values: Path, on_line: LineSink) -> None:
        """Install or upgrade, after a dry run on the server; waits for an unfinished run of ours first.

        TemporaryFailure where helm's last words say that waiting helps, else PermanentFailure with them.
        """
        await self._settled(release.name, on_line)
        words = [release.name, str(chart), "--install", "--values", str(values)]
        for setting in release.settings:
            words += ["--set", setting]
        code, told = await self._run(["upgrade", *words, "--dry-run=server"], _SHORT_SECONDS * 3)
        if code:
            raise install_failure(release, told, "dry run: nothing was changed", self._place)
        await self._carried_out(
            release,
            ["upgrade", *words, *manner(await self.version()), "--timeout", f"{HELM_MINUTES}m"],
            on_line,
        )

    async def _settled(self, name: str, on_line: LineSink) -> None:
        """No run is under way on the release when this returns."""
        mark = self._place.mark(name)
        if running(mark, name) is not None:
            on_line(f"a helm run on {name} that was started before is still under way; it is waited for")
        while running(mark, name) is not None:  # noqa: ASYNC110  # another process's end is no event of ours
            await asyncio.sleep(LOOK_SECONDS * 5)
        there = await self._held(name)
        if there is not None and there.is_pending:
            if not await self._is_ours(there, marked(mark)):
                raise TemporaryFailure(
                    "HS-APIGEE-035",
                    f"another helm run is under way on release {name}, or was killed: it says {there.status}",
                    where=f"namespace {self._place.namespace}",
                    hint=f"{self._place.command('helm')} history {name}; where nobody runs helm,"
                    f" {self._place.command('kubectl')} delete secret {_record_of(there)}, then run apply again",
                )
            on_line(f"an earlier helm run on {name} was killed; its unfinished record is removed")
            await self._secrets.delete("v1", "Secret", _record_of(there), self._place.namespace)
        mark.unlink(missing_ok=True)

    async def _is_ours(self, there: HelmRelease, begun: int | None) -> bool:
        """Whether an unfinished record is of our run: the revision that it began, or helm's own way back from it.

        A person who rolls back what a killed run left finds that revision pending still; helm goes back only from a failed one.
        """
        if begun is None or there.status != "pending-rollback":
            return begun == there.revision
        if there.revision != begun + 1:
            return False
        history = json.loads(await self._asked("history", there.name, "--output", "json") or "[]")
        return any(int(entry["revision"]) == begun and entry["status"] == "failed" for entry in history)

    async def _carried_out(self, release: WantedRelease, words: Sequence[str], on_line: LineSink) -> None:
        log, mark = self._place.log(release.name), self._place.mark(release.name)
        argv = self._argv(words)
        self._record("helm", {"argv": argv})
        mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        there = await self._held(release.name)
        revision = there.revision + 1 if there else 1
        mark.write_text(f"{_STARTING} {revision}")
        try:
            with private_file(log) as output:
                process = await self._started(argv, output, output)
        except OSError:
            mark.unlink(missing_ok=True)  # else a run that another person begins would pass for this one
            raise
        mark.write_text(f"{process.pid} {revision}")
        lines: list[str] = []
        async for line in followed(process, log):
            lines.append(line)
            self._record("helm", {"line": line})
            if not _FORM.match(line):
                on_line(line)
        mark.unlink(missing_ok=True)
        self._record("helm", {"argv": argv, "code": process.returncode})
        if process.returncode:
            raise install_failure(
                release, "\n".join(lines[-12:]), "helm undid what it had begun", self._place
            )

    async def pull(self, reference: str, version: str, folder: Path) -> None:
        """Fetch a chart of that version and unpack it below the folder."""
        words = ["pull", reference, "--version", version, "--untar", "--untardir", str(folder)]
        if authority := os.environ.get(AUTHORITY):
            words += ["--ca-file", authority]
        code, told = await self._run(words, _SHORT_SECONDS * 3)
        if code:
            raise pull_failure(reference, version, told)

    async def _asked(self, *words: str) -> str:
        """What helm prints, which is not recorded."""
        argv = self._argv(words)
        process = await self._started(argv, asyncio.subprocess.PIPE, asyncio.subprocess.PIPE)
        out, err = await ended(process, _SHORT_SECONDS, argv)
        if process.returncode:
            told = err.decode(errors="replace").strip()
            kind = TemporaryFailure if PASSING.search(told) else PermanentFailure
            raise kind(
                "HS-APIGEE-032",
                f"helm {words[0]} ended with exit code {process.returncode}",
                where=" ".join(argv),
                why=told,
                hint=explained(told, self._place.command)
                or "the same command at a shell, with .hybridspan's kubeconfig, says more; then run again",
            )
        return out.decode()

    async def _run(self, words: Sequence[str], seconds: float) -> tuple[int, str]:
        """Its exit code and what it said on standard error; what it printed is thrown away."""
        argv = self._argv(words)
        self._record("helm", {"argv": argv})
        process = await self._started(argv, asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE)
        _, err = await ended(process, seconds, argv)
        told = "\n".join(err.decode(errors="replace").strip().splitlines()[-12:])
        self._record("helm", {"argv": argv, "code": process.returncode, "line": told})
        return process.returncode or 0, told

    def _argv(self, words: Sequence[str]) -> list[str]:
        return [program(), *words, "--namespace", self._place.namespace]

    async def _started(self, argv: Sequence[str], out: Any, err: Any) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *argv,
            env=environment(self._place.kubeconfig),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )


def _release(entry: Mapping[str, Any]) -> HelmRelease:
    chart, version = split_chart(str(entry["chart"]))
    return HelmRelease(str(entry["name"]), chart, version, str(entry["status"]), int(entry["revision"]))


def _record_of(release: HelmRelease) -> str:
    """The secret in which helm keeps that revision."""
    return f"sh.helm.release.v1.{release.name}.v{release.revision}"
