"""The job apigee-cassandra-user-setup: Apigee's users in a new ring; in a ring that has them it changes nothing.

With the first installation it also puts the system keyspaces on NetworkTopologyStrategy with one replica, as an installation
has them; SYSTEM_KEYSPACES=simple leaves Cassandra's defaults. Their factors stay one replica a token range, in the same
places, and nothing has been written yet, so that no repair is due.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from hybridspan_lab.cassandra.session import (
    AGREEMENT_SECONDS,
    Login,
    PodSurroundings,
    addresses,
    agreed,
    connect,
    says_wrong_password,
)

SYSTEM_KEYSPACES: Final = ("system_auth", "system_distributed", "system_traces")
DEFAULT_LOGIN: Final = Login("cassandra", "cassandra")


def main() -> int:
    """0 when the users are there; 1 with a sentence when not, and the job is started again."""
    from cassandra import AuthenticationFailed, DriverException, RequestExecutionException
    from cassandra.cluster import NoHostAvailable

    surroundings = PodSurroundings.from_environment()
    try:
        nodes = addresses(surroundings.host)
        if has_users(surroundings, nodes):
            print("INFO user setup: users exist, nothing to do", flush=True)
            return 0
        set_up(surroundings, nodes)
        if not has_users(surroundings, nodes):
            print("ERROR user setup: not every node knows the users yet", file=sys.stderr, flush=True)
            return 1
    except (AuthenticationFailed, DriverException, RequestExecutionException, NoHostAvailable) as error:
        print(f"ERROR user setup: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1
    print("INFO user setup: users created", flush=True)
    return 0


def has_users(surroundings: PodSurroundings, nodes: Sequence[str]) -> bool:
    """Whether each user of the credentials' secret can log in through each node.

    A user that was made while a node did not see all others may be kept where nobody looks for it; and the administrator, who is
    made last, tells of a job that was cut off.
    """
    return all(
        can_log_in(replace(surroundings, host=node), surroundings.login(part))
        for part in ("admin", "ddl", "dml")
        for node in nodes
    )


def can_log_in(surroundings: PodSurroundings, login: Login) -> bool:
    """Whether the ring takes that password; what the driver raises where it cannot say."""
    from cassandra import AuthenticationFailed
    from cassandra.cluster import NoHostAvailable

    try:
        with connect(surroundings, login) as session:
            session.execute("SELECT key FROM system.local")
    except (AuthenticationFailed, NoHostAvailable) as error:
        if says_wrong_password(error):
            return False
        raise
    return True


def set_up(surroundings: PodSurroundings, nodes: Sequence[str]) -> None:
    """As Cassandra's own first user, with the password that he came with or has got, so that an interrupted job can start again."""
    default = surroundings.login("default")
    first = default if can_log_in(surroundings, default) else DEFAULT_LOGIN
    with connect(surroundings, first, one_node=True) as session:
        until_seen(session, nodes)
        if os.environ.get("SYSTEM_KEYSPACES", "installed") != "simple":
            for keyspace in SYSTEM_KEYSPACES:
                session.execute(replication(keyspace, surroundings.datacenter))
            agreed(session)
        for part in ("ddl", "dml"):
            create_role(session, surroundings.login(part), superuser=False)
        session.execute(f"GRANT CREATE ON ALL KEYSPACES TO {quoted(surroundings.login('ddl').user)}")
        session.execute(f"ALTER ROLE cassandra WITH PASSWORD = {text(default.password)}")
        create_role(session, surroundings.login("admin"), superuser=True)


def until_seen(session: Any, nodes: Sequence[str]) -> None:
    """Waits until the session's node sees all nodes as members; raises OperationTimedOut where it does not in time."""
    from cassandra import OperationTimedOut

    end = time.monotonic() + AGREEMENT_SECONDS
    while len(list(session.execute("SELECT peer FROM system.peers"))) + 1 < len(nodes):
        if time.monotonic() > end:
            raise OperationTimedOut("the node does not see all others as members")
        time.sleep(0.2)


def replication(keyspace: str, datacenter: str) -> str:
    options = f"{{'class': 'NetworkTopologyStrategy', {text(datacenter)}: 1}}"
    return f"ALTER KEYSPACE {keyspace} WITH replication = {options}"


def create_role(session: Any, login: Login, *, superuser: bool) -> None:
    options = f"PASSWORD = {text(login.password)} AND LOGIN = true AND SUPERUSER = {str(superuser).lower()}"
    session.execute(f"CREATE ROLE IF NOT EXISTS {quoted(login.user)} WITH {options}")


def quoted(name: str) -> str:
    """A CQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A CQL string."""
    return "'" + value.replace("'", "''") + "'"


if __name__ == "__main__":
    sys.exit(main())
