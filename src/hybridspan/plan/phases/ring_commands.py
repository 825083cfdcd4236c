"""The cqlsh and nodetool commands that steps stand for, run in Cassandra's pods; passwords come from files of the person's.

`ADMIN_PASSWORD_FILE` and `DDL_PASSWORD_FILE` name files that hold a password, `JMX_PASSWORD_FILE` one with the line
`jmxuser PASSWORD`. They are read on standard input: no argument list ever has a password.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Final, Literal

from hybridspan.plan.model import Command
from hybridspan.plan.phases.kubectl import context_of
from hybridspan.topology.model import Region, Topology
from hybridspan.topology.releases import release_of

CONTAINER: Final = "apigee-cassandra"
# nodetool waits for notifications, which get lost; by default it asks for a repair's end only every five minutes.
_NODETOOL: Final = (
    'umask 077; f=$(mktemp); trap "rm -f $f" EXIT; cat >"$f"'
    '; export JAVA_TOOL_OPTIONS="$JAVA_TOOL_OPTIONS -Dcassandra.nodetool.jmx_notification_poll_interval_seconds=3"'
    '; nodetool -u jmxuser -pwf "$f" "$@"'
)
_FILES: Final = {"admin": "ADMIN_PASSWORD_FILE", "ddl": "DDL_PASSWORD_FILE", "jmx": "JMX_PASSWORD_FILE"}

User = Literal["admin", "ddl"]


def pod_name(topology: Topology, ordinal: int) -> str:
    """Cassandra's pod of that ordinal, as the release names it."""
    release = release_of(topology.hybrid_version)
    return release.pod(ordinal) if release else f"apigee-cassandra-default-{ordinal}"


def pods_of(topology: Topology, region: Region) -> tuple[str, ...]:
    """The pods that the region is declared to have, in order."""
    return tuple(pod_name(topology, ordinal) for ordinal in range(region.cassandra_nodes))


def nodetool(region: Region, pod: str, *arguments: str, comment: str = "") -> Command:
    """nodetool in a pod."""
    words = (*_in_pod(region, pod), "bash", "-c", _NODETOOL, "nodetool", *arguments)
    gist = f"nodetool {shlex.join(arguments)}   # in {place_of(region, pod)}"
    return Command(script=f"{shlex.join(words)} <{_file('jmx')}", comment=comment, gist=gist)


def cqlsh(region: Region, pod: str, user: User, statement: str, comment: str = "") -> Command:
    """A statement by cqlsh in a pod; it asks for the password and gets the file's."""
    words = (*_in_pod(region, pod), "cqlsh", "-u", f"{user}_user", "--ssl", "-e", statement)
    gist = f"{statement}   # by cqlsh as {user}_user, in {place_of(region, pod)}"
    return Command(script=f"{shlex.join(words)} <{_file(user)}", comment=comment, gist=gist)


def in_pod(region: Region, pod: str, script: str, arguments: str, gist: str) -> Command:
    """A few words of bash in a pod; `arguments` are split by the shell that starts it."""
    words = (*_in_pod(region, pod), "bash", "-c", script, "-")
    whole = f"{shlex.join(words)} {arguments} </dev/null"
    return Command(script=whole, gist=f"{gist}   # in {place_of(region, pod)}")


def place_of(region: Region, pod: str) -> str:
    """Where a command runs, for a person."""
    return f"{context_of(region)}, {pod}"


def _in_pod(region: Region, pod: str) -> tuple[str, ...]:
    place = ("kubectl", "--context", context_of(region), "exec", "-i", pod, "-n", region.namespace)
    return (*place, "-c", CONTAINER, "--")


def password_files(commands: Iterable[Command]) -> dict[str, str]:
    """The variables that the commands read, each with the database user whose password it is about."""
    text = "\n".join(c.text() for c in commands)
    return {name: user for user, name in _FILES.items() if f"${{{name}:?" in text}


def _file(user: str) -> str:
    name = _FILES[user]
    return f'"${{{name}:?name the file that holds the password of {user}}}"'
