"""The job apigee-cassandra-schema-val: every table of the organization is there, and dml_user can log in."""

from __future__ import annotations

import sys

from hybridspan_lab.cassandra.schema import TABLES, keyspaces
from hybridspan_lab.cassandra.session import PodSurroundings, connect


def main() -> int:
    """0 when everything is there; 1 with the names of what is missing."""
    from cassandra import AuthenticationFailed, DriverException, RequestExecutionException
    from cassandra.cluster import NoHostAvailable

    try:
        missing = missing_tables(PodSurroundings.from_environment())
    except (AuthenticationFailed, DriverException, RequestExecutionException, NoHostAvailable) as error:
        print(f"ERROR schema validation: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1
    if missing:
        print(f"ERROR schema validation: missing {', '.join(sorted(missing))}", file=sys.stderr, flush=True)
        return 1
    print("INFO schema validation: done", flush=True)
    return 0


def missing_tables(surroundings: PodSurroundings) -> set[str]:
    """`keyspace.table` of what the ring lacks."""
    names = keyspaces(surroundings.organization)
    wanted = {f"{names[kind]}.{table}" for kind, tables in TABLES.items() for table in tables}
    with connect(surroundings, surroundings.login("dml")) as session:
        rows = session.execute("SELECT keyspace_name, table_name FROM system_schema.tables")
        return wanted - {f"{row.keyspace_name}.{row.table_name}" for row in rows}


if __name__ == "__main__":
    sys.exit(main())
