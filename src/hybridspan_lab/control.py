"""The lab from outside: start it, end it, ask it. What `hybridspan lab`, the demo and the tests call.

The functions block; each names the lab by its home folder, HYBRIDSPAN_LAB_HOME by default.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from hybridspan.errors import InputError, PermanentFailure
from hybridspan_lab.network.mode import NOTICE, WORDS, Mode, chosen, wish
from hybridspan_lab.parts import Progress, ensure, silent
from hybridspan_lab.parts.cassandra import RELEASES, VARIABLE
from hybridspan_lab.parts.progress import TextBar
from hybridspan_lab.wanted import UpOptions
from hybridspan_lab.world.beginning import alone
from hybridspan_lab.world.places import Places, default_home
from hybridspan_lab.world.record import Record

__all__ = [
    "TextBar",
    "UpOptions",
    "down",
    "environment",
    "exports",
    "fault",
    "fill",
    "headline",
    "is_taken",
    "notice",
    "status",
    "up",
]

Say = Callable[[str], None]
PAIRINGS: Final = {
    ("apigeectl", False): "apigeectl with Cassandra {}, a pairing that no release ships",
    ("apigeectl", True): "apigeectl with Cassandra {}, as its releases ship it",
    ("helm", False): "the real helm with charts of its own and Cassandra {}",
}


def headline(installer: str, network: Mode, cassandra: str) -> str:
    """What the lab rehearses, with which of its lines of Cassandra, and on what kind of network."""
    release = RELEASES[cassandra]
    pairing = PAIRINGS[installer, release.is_before_4].format(release.version)
    return f"rehearses {pairing}; network mode: {WORDS[network]}"


def notice(home: Path | None = None) -> str:
    """What a person must know before anything else of the lab in that home, or of one that would be started; or nothing."""
    record = Record.read(Places((home or default_home()).absolute()).record)
    network = record.network if record else chosen(wish())
    return NOTICE if network == "loopback" else ""


def is_taken(home: Path) -> bool:
    """Whether a lab runs in that home, or is just being started there."""
    places = Places(home.absolute())
    try:
        with alone(places.home):
            return bool((record := Record.read(places.record)) and record.is_running)
    except InputError:
        return True


def _quiet(words: str) -> None:
    """Says nothing."""


def up(options: UpOptions | None = None, say: Say = _quiet, progress: Progress = silent) -> Record:
    """Starts a lab with the existing estate and returns when it is ready; what it started stays when it fails.

    Raises InputError HS-LAB-026 when a lab runs there already.
    """
    options = options or UpOptions()
    network = chosen(options.network or wish())
    if network == "loopback":
        say(NOTICE)
    os.environ[VARIABLE] = options.cassandra
    ensure(progress)
    places = Places(options.home.absolute())
    places.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone(places.home):
        return asyncio.run(_up(places, options, network, say))


def down(home: Path | None = None) -> bool:
    """Ends the lab, whatever state it is in, and removes its home; returns whether there was anything."""
    from hybridspan_lab.world import process

    return asyncio.run(process.end(Places((home or default_home()).absolute())))


def status(home: Path | None = None) -> dict[str, Any]:
    """What runs where, with which memory in bytes. Raises PermanentFailure HS-LAB-027 when nothing runs."""
    places, record = _running(home)
    return {
        "mode": headline("helm" if places.charts.is_dir() else "apigeectl", record.network, record.cassandra),
        **({"notice": NOTICE} if record.network == "loopback" else {}),
        "home": str(places.home),
        "arm": record.arm,
        "topology": record.topology,
        "systemKeyspaces": record.system_keyspaces,
        "since": record.since,
        **_ask(places, {"ask": "status"}),
    }


def environment(home: Path | None = None) -> dict[str, str]:
    """The variables that point a process at the lab, PATH included; to be laid over the process's own."""
    from hybridspan_lab.world import variables

    places, record = _running(home)
    return variables.environment(places, record, os.environ)


def exports(home: Path | None = None) -> str:
    """The same as lines that a shell evaluates."""
    from hybridspan_lab.world import variables

    places, record = _running(home)
    lines = variables.exports(places, record)
    return f"# {NOTICE}\n{lines}" if record.network == "loopback" else lines


def fill(
    rows: int,
    rate: float | None = None,
    seconds: float | None = None,
    home: Path | None = None,
    context: str | None = None,
    large: int = 0,
) -> int:
    """Loads rows into the existing region and returns the loader's exit code; with a rate it goes on writing.

    `large` is a number of cache entries of 128 KiB besides. `rate` is in rows a second; it goes on for `seconds`, or until
    this process ends. The loader runs in the first Cassandra pod, so nothing here needs a route to it.
    """
    from hybridspan.topology import loading

    places, record = _running(home)
    topology = loading.load(record.topology)
    chosen = ["--context", context or topology.first.cluster.name]
    loader = [sys.executable, "-m", "hybridspan_lab.cassandra.fill", "--organization", topology.organization]
    loader += ["--rows", str(rows), "--large", str(large)]
    loader += ["--rate", str(rate)] if rate is not None else []
    loader += ["--seconds", str(seconds)] if seconds is not None else []
    pod = [
        "exec",
        "-i",
        "-n",
        topology.first.namespace,
        "apigee-cassandra-default-0",
        "-c",
        "apigee-cassandra",
    ]
    kubectl = [str(places.bin / "kubectl"), "--kubeconfig", str(places.kubeconfig), *chosen]
    # The pipe is held open as long as this process lives: the loader ends when it closes.
    with subprocess.Popen(
        [*kubectl, *pod, "--", *loader], stdin=subprocess.PIPE, env={**os.environ, **environment(home)}
    ) as process:
        return process.wait()


def fault(request: Mapping[str, Any], home: Path | None = None) -> dict[str, Any]:
    """Asks the lab to misbehave, as the fault's own words say; returns what it answered."""
    places, _ = _running(home)
    return _ask(places, {**request, "ask": "fault"})


async def _up(places: Places, options: UpOptions, network: Mode, say: Say) -> Record:
    from hybridspan.topology import loading
    from hybridspan_lab.examples import example_directory
    from hybridspan_lab.helm import charts
    from hybridspan_lab.world import estate, process

    if (record := Record.read(places.record)) and record.is_running:
        raise InputError(
            "HS-LAB-026",
            "a lab is already running there",
            where=str(places.home),
            hint="end it with `hybridspan lab down`, or name another HYBRIDSPAN_LAB_HOME",
        )
    await process.clear(places)
    chosen = options.topology
    if chosen is None:
        # A copy: runs write beside the topology, and the package is not the place for that.
        shutil.copytree(example_directory("two-regions"), places.example)
        chosen = places.example / "hybrid.yaml"
        say(f"topology: {chosen}")
    topology = loading.load(chosen)
    options.check(topology)
    say(f"lab: {headline(topology.installer, network, options.cassandra)}")
    if topology.installer == "helm":
        charts.write(places.charts, topology.hybrid_version)
    began = time.monotonic()

    def timed(words: str) -> None:
        say(f"{time.monotonic() - began:6.1f} s  {words}")

    record = await process.start(places, topology.path, options.system_keyspaces, network)
    timed(f"Azure stand-in: {record.arm}")
    if not options.bare:
        await estate.build(places, record, topology, options.regions, timed)
    return record


def _running(home: Path | None) -> tuple[Places, Record]:
    places = Places((home or default_home()).absolute())
    record = Record.read(places.record)
    if record is None or not record.is_running:
        raise PermanentFailure(
            "HS-LAB-027",
            "no lab is running there",
            where=str(places.home),
            hint="start one: hybridspan lab up",
        )
    return places, record


def _ask(places: Places, question: Mapping[str, Any]) -> dict[str, Any]:
    from hybridspan_lab.world import requests

    try:
        answer = asyncio.run(requests.ask(places.control, question))
    except (OSError, TimeoutError) as error:
        raise PermanentFailure(
            "HS-LAB-028",
            "the lab does not answer",
            where=str(places.control),
            why=str(error) or "no answer in time",
            hint=f"its log is {places.log}; hybridspan lab down ends it whatever it does, lab up begins anew",
        ) from error
    if "error" in answer:
        raise PermanentFailure(
            "HS-LAB-028",
            "the lab refuses",
            where=str(places.home),
            why=str(answer["error"]),
            hint="docs/rehearsal-lab.md has the words that it knows; hybridspan lab status shows clusters and pods",
        )
    return answer
