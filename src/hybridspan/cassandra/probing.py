"""What bash in a pod can tell without a JVM: sizes, disk, clock, names, and whether a port answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOST: Final = r"""
directory=$1
printf 'data %s\n' "$(du -sk -- "$directory" 2>/dev/null | cut -f1)"
printf 'free %s\n' "$(df -Pk -- "$directory" 2>/dev/null | awk 'NR == 2 {print $4}')"
printf 'clock %s\n' "$(date +%s.%N)"
if command -v getent >/dev/null; then
  getent hosts "$(hostname -f 2>/dev/null || hostname)" >/dev/null && echo 'name yes' || echo 'name no'
fi
"""

KEYSPACE_SIZES: Final = r"""
directory=$1
shift
for keyspace in "$@"; do
  size=$(du -sk -- "$directory/$keyspace" "$directory/data/$keyspace" 2>/dev/null | awk '{sum += $1} END {print sum + 0}')
  printf '%s %s\n' "$keyspace" "$size"
done
"""

NODETOOL_REBUILD: Final = r"""
for file in /proc/[0-9]*/cmdline; do tr '\0' ' ' <"$file" 2>/dev/null; echo; done |
  grep -q 'cassandra[.]tools[.]NodeTool.* rebuild ' && echo yes
"""

CONNECT: Final = r"""
port=$1
shift
for address in "$@"; do
  if timeout 4 bash -c "exec 3<>/dev/tcp/$address/$port" 2>/dev/null; then echo "$address yes"; else echo "$address no"; fi &
done
wait
"""


@dataclass(frozen=True, slots=True)
class HostState:
    """One pod's machine; None where it could not tell."""

    data_bytes: int | None
    free_bytes: int | None
    clock: float | None
    """Unix time by the pod's clock."""
    own_name_resolves: bool | None


UNKNOWN: Final = HostState(None, None, None, None)
"""Of a pod that cannot be asked now."""


def parse_host(text: str) -> HostState:
    """What the HOST script printed."""
    values = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    name = values.get("name")
    return HostState(
        data_bytes=_kilobytes(values.get("data", "")),
        free_bytes=_kilobytes(values.get("free", "")),
        clock=float(values["clock"]) if values.get("clock", "").replace(".", "").isdigit() else None,
        own_name_resolves=None if name is None else name == "yes",
    )


def parse_sizes(text: str) -> dict[str, int]:
    """Bytes by keyspace, 0 where it has no folder."""
    return {
        key: _kilobytes(value) or 0 for key, _, value in (line.partition(" ") for line in text.splitlines())
    }


def parse_connections(text: str) -> dict[str, bool]:
    """Whether each address answered."""
    return {
        address: word == "yes" for address, _, word in (line.partition(" ") for line in text.splitlines())
    }


def _kilobytes(text: str) -> int | None:
    return int(text) * 1024 if text.strip().isdigit() else None
