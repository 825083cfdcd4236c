"""The job apigee-cassandra-schema-setup: keyspaces and tables of the organization, made by ddl_user."""

from __future__ import annotations

import sys

from hybridspan_lab.cassandra.schema import keyspaces, statements
from hybridspan_lab.cassandra.session import PodSurroundings, agreed, connect
from hybridspan_lab.cassandra.user_setup import quoted


def main() -> int:
    """0 when the schema is there; 1 with a sentence when not, and the job is started again."""
    from cassandra import AuthenticationFailed, DriverException, RequestExecutionException
    from cassandra.cluster import NoHostAvailable

    surroundings = PodSurroundings.from_environment()
    try:
        set_up(surroundings)
    except (AuthenticationFailed, DriverException, RequestExecutionException, NoHostAvailable) as error:
        print(f"ERROR schema setup: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1
    print("INFO schema setup: done", flush=True)
    return 0


def set_up(surroundings: PodSurroundings) -> None:
    """Makes what is missing, and lets dml_user read and write it."""
    reader = quoted(surroundings.login("dml").user)
    with connect(surroundings, surroundings.login("ddl"), one_node=True) as session:
        for statement in statements(
            surroundings.organization, surroundings.datacenter, surroundings.replicas
        ):
            session.execute(statement)
        for keyspace in keyspaces(surroundings.organization).values():
            session.execute(f"GRANT SELECT ON KEYSPACE {keyspace} TO {reader}")
            session.execute(f"GRANT MODIFY ON KEYSPACE {keyspace} TO {reader}")
        if not agreed(session):
            print("WARN schema setup: the nodes have not agreed on one schema yet", flush=True)


if __name__ == "__main__":
    sys.exit(main())
