"""Changes the data centers of keyspaces: what the operator does, and what a person did who widened the ring by hand.

    apigee-cassandra-keyspaces add --organization hybrid-test-7 --replicas 3
    apigee-cassandra-keyspaces remove
    apigee-cassandra-keyspaces widen --datacenter dc-2

`add` is for the organization's keyspaces and the shared one, as ddl_user; Cassandra's own keyspaces are whoever's who widens
the ring. `remove` is for every keyspace that names the data center, as the administrator. `widen` gives all keyspaces, Cassandra's own
among them, to another data center, with as many replicas there as they have elsewhere, as the administrator.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hybridspan_lab.cassandra.schema import MOST_REPLICAS, keyspaces
from hybridspan_lab.cassandra.session import PodSurroundings, agreed, connect
from hybridspan_lab.cassandra.user_setup import quoted, text

STRATEGY: Final = "org.apache.cassandra.locator.NetworkTopologyStrategy"
AUTHENTICATION: Final = "system_auth"
_QUERY: Final = "SELECT keyspace_name, replication FROM system_schema.keyspaces"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the keyspaces are as asked; 1 with a sentence when not."""
    from cassandra import AuthenticationFailed, DriverException, RequestExecutionException
    from cassandra.cluster import NoHostAvailable

    options = parse(arguments)
    surroundings = replace(PodSurroundings.from_environment(), organization=options.organization)
    try:
        carry_out(surroundings, options)
    except (AuthenticationFailed, DriverException, RequestExecutionException, NoHostAvailable) as error:
        print(f"error: {type(error).__name__} : {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="apigee-cassandra-keyspaces")
    parser.add_argument("change", choices=("add", "remove", "widen"))
    parser.add_argument("--organization", default="")
    parser.add_argument("--replicas", type=int, default=MOST_REPLICAS)
    parser.add_argument("--datacenter", default="", help="of whom, if not of this pod")
    return parser.parse_args(arguments)


def carry_out(surroundings: PodSurroundings, options: argparse.Namespace) -> None:
    """Alters what has to be altered, one keyspace after the other."""
    adding, datacenter = options.change == "add", options.datacenter or surroundings.datacenter
    with connect(surroundings, surroundings.login("ddl" if adding else "admin"), one_node=True) as session:
        found = {row.keyspace_name: dict(row.replication) for row in session.execute(_QUERY)}
        if adding:
            wanted = {
                name: found[name] for name in keyspaces(surroundings.organization).values() if name in found
            }
            changes = added(wanted, datacenter, min(MOST_REPLICAS, options.replicas))
        elif options.change == "widen":
            changes = widened(found, datacenter)
        else:
            changes = removed(found, datacenter)
        for keyspace, replication in changes.items():
            alter(session, keyspace, replication)
        agreed(session)


def added(
    found: Mapping[str, Mapping[str, str]], datacenter: str, replicas: int
) -> dict[str, dict[str, str]]:
    """Keyspaces that do not name the data center yet, with their new replication."""
    return {
        keyspace: {**replication, datacenter: str(replicas)}
        for keyspace, replication in found.items()
        if replication["class"] == STRATEGY and datacenter not in replication
    }


def widened(found: Mapping[str, Mapping[str, str]], datacenter: str) -> dict[str, dict[str, str]]:
    """Every keyspace that names data centers but not this one, with the most replicas that it has anywhere.

    system_auth comes first: whoever logs in meanwhile asks the nodes that have it.
    """
    changes = {
        keyspace: {**replication, datacenter: max(_factors(replication), key=int)}
        for keyspace, replication in found.items()
        if replication["class"] == STRATEGY and datacenter not in replication
    }
    return dict(sorted(changes.items(), key=lambda change: change[0] != AUTHENTICATION))


def _factors(replication: Mapping[str, str]) -> list[str]:
    return [value for name, value in replication.items() if name != "class"]


def removed(found: Mapping[str, Mapping[str, str]], datacenter: str) -> dict[str, dict[str, str]]:
    """Keyspaces that name the data center, without it; one that is nowhere else stays as it is.

    system_auth comes last: without it nobody is let in or allowed anything in this data center any more.
    """
    without = {
        keyspace: {name: value for name, value in replication.items() if name != datacenter}
        for keyspace, replication in found.items()
        if datacenter in replication
    }
    order = sorted(without, key=lambda keyspace: keyspace == AUTHENTICATION)
    return {keyspace: without[keyspace] for keyspace in order if len(without[keyspace]) > 1}


def alter(session: Any, keyspace: str, replication: Mapping[str, str]) -> None:
    pairs = ", ".join(f"{text(name)}: {text(value)}" for name, value in replication.items())
    session.execute(f"ALTER KEYSPACE {quoted(keyspace)} WITH replication = {{{pairs}}}")
    print(f"INFO {keyspace}: {pairs}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
