"""Removes a node's record of received ranges where nobody vouches for it: Cassandra would skip what it lists, with success."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from hybridspan.plan.model import Command
from hybridspan.plan.phases.ring_commands import cqlsh
from hybridspan.topology.model import Region, Topology

_HOST: Final = "SELECT host_id FROM system.local;"
_UUID: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def forgotten(keyspace: str, older: str = "") -> str:
    """The statement that makes a node forget what it received of a keyspace, so that a rebuild streams all of it.

    `older` is the node's release where it is one before 4.0, and the statement goes there as it is written here.
    """
    literal = "'" + keyspace.replace("'", "''") + "'"
    table = "system.available_ranges" if older else "system.available_ranges_v2"
    return f"DELETE FROM {table} WHERE keyspace_name = {literal};"  # noqa: S608  # quoted


def cleared(
    topology: Topology, region: Region, pod: str, keyspaces: Sequence[str], older: str = ""
) -> Command:
    """What makes the pod's node forget these keyspaces, once: done again, it would throw away what was streamed since.

    Which keyspaces a node was made to forget is kept on the person's machine, under the node's own identity.
    """
    clear = cqlsh(region, pod, "admin", " ".join(forgotten(name, older) for name in keyspaces))
    folder = shlex.quote(f".hybridspan/{topology.name}")
    lines = (
        f"HOST=$({cqlsh(region, pod, 'admin', _HOST).text()} | grep -oE '{_UUID}')",
        f'CLEARED={folder}/cleared-"$HOST"',
        f"WHAT={shlex.quote(' '.join(keyspaces))}",
        'if ! grep -qxF "$WHAT" "$CLEARED" 2>/dev/null; then',
        f"  {clear.text()}",
        f'  mkdir -p -m 700 {folder} && echo "$WHAT" >>"$CLEARED"',
        "fi",
    )
    comment = "Cassandra skips, with success, what the node is recorded to have received, from wherever; once for each node"
    return Command(script="\n".join(lines), comment=comment, gist=clear.gist)
