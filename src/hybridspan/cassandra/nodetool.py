"""nodetool inside a Cassandra pod, where its JMX listens.

The password goes in on standard input and into a file that only its owner can read and that is gone when the command
ends; no argument list, log or record ever has it.
"""

from __future__ import annotations

from typing import Final

from hybridspan.cassandra.credentials import Login
from hybridspan.cassandra.ports import CONTAINER, PodAccess, Recorder
from hybridspan.cassandra.texts import without_trace
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure

SCRIPT: Final = """
umask 077
passwords=$(mktemp) || exit 70
trap 'rm -f "$passwords"' EXIT
IFS= read -r password
printf '%s %s\\n' "$1" "$password" >"$passwords"
unset password
user=$1
shift
nodetool -u "$user" -pwf "$passwords" "$@"
"""

SECONDS: Final = 60.0


class Nodetool:
    """nodetool of the pods of one namespace."""

    def __init__(self, pods: PodAccess, namespace: str, login: Login, record: Recorder) -> None:
        self._pods = pods
        self._namespace = namespace
        self._login = login
        self._record = record

    async def run(self, pod: str, *arguments: str, seconds: float = SECONDS) -> str:
        """What the command printed; failures for every exit code but 0."""
        argv = ["bash", "-c", SCRIPT, "nodetool", self._login.user, *arguments]
        stdin = f"{self._login.password.reveal()}\n".encode()
        ended = await self._pods.exec(
            self._namespace, pod, argv, container=CONTAINER, stdin=stdin, timeout=seconds
        )
        self._record("nodetool", {"pod": pod, "command": ["nodetool", *arguments], "code": ended.code})
        if ended.code != 0:
            raise self.failure(pod, arguments, f"{ended.stdout}\n{ended.stderr}".strip(), ended.code)
        return ended.stdout

    def failure(self, pod: str, arguments: tuple[str, ...], output: str, code: int) -> HybridspanError:
        """What a failed nodetool means: a refused login is permanent, a node that does not listen is temporary."""
        where = f"{self._pods.name}, pod {self._namespace}/{pod}"
        words = f"nodetool {' '.join(arguments)}"
        last = "; ".join(line.strip() for line in without_trace(output).splitlines()[-4:] if line.strip())
        if "Authentication failed" in output or "Invalid username or password" in output:
            return PermanentFailure(
                "HS-CASS-009",
                f"JMX refuses the password of {self._login.user}",
                where=where,
                why=last,
                hint=f"compare jmx.user and jmx.password of secret {self._login.secret} with the node's own",
            )
        if "Connection refused" in output or "Failed to connect" in output:
            return TemporaryFailure(
                "HS-CASS-010",
                f"{words} reaches no Cassandra in the pod",
                where=where,
                why=last,
                hint=f"it is starting, or has ended: {self._pods.kubectl} -n {self._namespace} logs {pod} says which; once it is"
                " ready, run again",
            )
        if code == 127:
            return PermanentFailure(
                "HS-CASS-011",
                "the container has no nodetool",
                where=where,
                why=last,
                hint=f"{self._pods.kubectl} -n {self._namespace} get pod {pod} -o yaml shows the image of container {CONTAINER}; it"
                " must be Apigee's own, of the release that the topology names",
            )
        return TemporaryFailure(
            "HS-CASS-012",
            f"{words} ended with code {code}",
            where=where,
            why=last,
            hint=f"{self._pods.kubectl} -n {self._namespace} logs {pod} has Cassandra's side of it; once nodetool status shows every"
            " node UN, run again",
        )
