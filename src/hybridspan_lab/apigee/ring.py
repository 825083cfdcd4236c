"""What the operator does in the Cassandra pods themselves: nodetool, and the programs of the pods' image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Protocol

from hybridspan_lab.apigee import names
from hybridspan_lab.kubeapi import KubeApi, execution
from hybridspan_lab.kubeapi.execution import Finished

_NODETOOL: Final = """
umask 077; c=${CASSANDRA_CREDENTIALS:-/opt/apigee/credentials}; f=$(mktemp)
printf '%s %s\\n' "$(cat $c/jmx.user)" "$(cat $c/jmx.password)" > "$f"
nodetool -u "$(cat $c/jmx.user)" -pwf "$f" "$@"; code=$?; rm -f "$f"; exit $code
"""


_ARGUMENTS: Final = ("Provided datacenter", "Cannot specify tokens", "Cannot set source data center")


class Ring(Protocol):
    """Commands in the pods of one cluster; both raise ApiError where the pod cannot be reached."""

    async def nodetool(self, namespace: str, pod: str, *arguments: str) -> Finished:
        """nodetool with the JMX user of the pod's own secret."""

    async def program(self, namespace: str, pod: str, *argv: str) -> Finished:
        """A program of the pod's image."""


@dataclass(frozen=True, slots=True)
class PodRing:
    """The ring by exec through the API server."""

    api: KubeApi

    async def nodetool(self, namespace: str, pod: str, *arguments: str) -> Finished:
        return await self.program(namespace, pod, "/bin/bash", "-c", _NODETOOL, "-", *arguments)

    async def program(self, namespace: str, pod: str, *argv: str) -> Finished:
        return await execution.run(self.api, namespace, pod, names.CASSANDRA_CONTAINER, argv)


def cause(said: Finished) -> str:
    """Cassandra's own reason in what a failed command printed: `java.lang.IllegalStateException : text`."""
    text = f"{said.stdout}\n{said.stderr}"
    _, found, trace = text.partition("-- StackTrace --")
    if found and (match := re.search(r"^\s*([\w.$]+(?:Exception|Error)): (.+)$", trace, re.MULTILINE)):
        return f"{match[1]} : {match[2].strip()}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if used := [line.removeprefix("nodetool: ") for line in lines if line.startswith("nodetool: ")]:
        return f"{_class_of(used[-1])} : {used[-1]}"
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or [f"exit code {said.code}"])[-1].removeprefix("error: ")


def _class_of(message: str) -> str:
    """The exception behind a message that nodetool shows without its class: it does so for these two."""
    name = "IllegalArgumentException" if message.startswith(_ARGUMENTS) else "IllegalStateException"
    return f"java.lang.{name}"


def datacenters(status: str) -> dict[str, list[str]]:
    """`nodetool status` → data center → addresses of its nodes."""
    found: dict[str, list[str]] = {}
    current = ""
    for line in status.splitlines():
        if line.startswith("Datacenter: "):
            current = line.removeprefix("Datacenter: ").strip()
            found[current] = []
        elif match := re.match(r"[UD][NLJM]\s+(\S+)", line):
            found.setdefault(current, []).append(match[1])
    return found
