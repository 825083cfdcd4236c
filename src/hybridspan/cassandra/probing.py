"""What bash in a pod can tell without a JVM: sizes, disk, clock, names, and whether a port answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOST: Final = r"""
directory=$1
data=$directory/data
[ -d "$data" ] || data=$directory
printf 'clock %s\n' "$(date +%s.%N)"
printf 'data %s\n' "$(du -sk -- "$data" 2>/dev/null | cut -f1)"
printf 'free %s\n' "$(df -Pk -- "$directory" 2>/dev/null | awk 'NR == 2 {print $4}')"
if command -v getent >/dev/null; then
  getent hosts "$(hostname -f 2>/dev/null || hostname)" >/dev/null && echo 'name yes' || echo 'name no'
fi
printf 'end %s\n' "$(date +%s.%N)"
"""

FREE: Final = """df -Pk -- "$1" 2>/dev/null | awk 'NR == 2 {print $4}'"""
"""A few bytes of HOST, for whoever only asks whether the disk is full: the size of much data takes its time."""

FULL_BYTES: Final = 64 * 1024**2
"""A disk with less than this is full: Cassandra stops short of the last byte."""

KEYSPACE_SIZES: Final = r"""
directory=$1
shift
for keyspace in "$@"; do
  size=$(set -o pipefail; du -sk -- "$directory/$keyspace" "$directory/data/$keyspace" 2>/dev/null | awk '{sum += $1} END {print sum + 0}')
  # 1 says that one of the two is not there, as it always is; one that was ended has not said 0.
  code=$?; [ $code -lt 126 ] || exit $code
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
  {
    timeout 4 bash -c "exec 3<>/dev/tcp/$address/$port" 2>/dev/null
    # 1 is refused; 124, or 143 by busybox, is too late; of one that was ended nothing is said.
    case $? in 0) echo "$address yes" ;; 1 | 124 | 143) echo "$address no" ;; esac
  } &
done
wait
"""


@dataclass(frozen=True, slots=True)
class HostState:
    """One pod's machine; None where it could not tell."""

    data_bytes: int | None
    free_bytes: int | None
    clock: float | None
    """Unix time by the pod's clock, when it began to look."""
    own_name_resolves: bool | None
    seconds: float = 0.0
    """How long it looked: the size of much data takes its time."""

    def offset(self, before: float, after: float) -> float | None:
        """Its clock minus ours, where we asked and had the answer at those times.

        The way there and the way back are taken to be equally long; the time of looking lies between them.
        """
        return None if self.clock is None else self.clock - (before + after - self.seconds) / 2

    def doubt(self, before: float, after: float) -> float:
        """How far that may be wrong: as if the whole way had been there, or back."""
        return max((after - before - self.seconds) / 2, 0.0)


UNKNOWN: Final = HostState(None, None, None, None)
"""Of a pod that cannot be asked now."""


def parse_free(text: str) -> int | None:
    """Free bytes by what the FREE script printed, or None."""
    return _kilobytes(text.strip())


def parse_host(text: str) -> HostState:
    """What the HOST script printed."""
    values = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    name = values.get("name")
    began, ended = _seconds(values.get("clock", "")), _seconds(values.get("end", ""))
    return HostState(
        data_bytes=_kilobytes(values.get("data", "")),
        free_bytes=_kilobytes(values.get("free", "")),
        clock=began,
        own_name_resolves=None if name is None else name == "yes",
        seconds=ended - began if began is not None and ended is not None else 0.0,
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


def _seconds(text: str) -> float | None:
    return float(text) if text.replace(".", "", 1).isdigit() else None


def _kilobytes(text: str) -> int | None:
    return int(text) * 1024 if text.strip().isdigit() else None
