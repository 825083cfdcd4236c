"""What the database users may do with Apigee's keyspaces, as Cassandra itself lists it. Read-only.

LIST asks the authorizer and not a table, so that a right by way of a granted role counts as Cassandra counts it, and a ring
that asks nobody for rights says so. What the superuser may do is not asked here: it may everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hybridspan.cassandra.credentials import Role
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.errors import HybridspanError
from hybridspan.facts.cassandra import KeyspaceFacts
from hybridspan.facts.world import Finding
from hybridspan.plan.phases.alterations import identifier

CHECK: Final = "database-rights"
NEEDED: Final[Mapping[Role, tuple[str, ...]]] = {"ddl": ("ALTER",), "dml": ("SELECT", "MODIFY")}
"""What Apigee's users do with Apigee's keyspaces, in Cassandra's words for it."""

_OF_ROWS: Final = ("SELECT", "MODIFY")
"""Rights that may as well be held table by table."""
_MAY: Final[Mapping[Role, str]] = {"ddl": "alter", "dml": "read and write"}


@dataclass(frozen=True, slots=True)
class Rights:
    """What one user has been granted, itself or by a role."""

    user: str
    is_superuser: bool = False
    granted: frozenset[tuple[str, str]] = frozenset()
    """Right and what it is on, as LIST shows both: `("SELECT", "<keyspace perses>")`."""

    def may(self, right: str, keyspace: KeyspaceFacts) -> bool:
        """Whether Cassandra lets the user do that with the whole keyspace, as it is now."""
        if self.is_superuser or any(
            (right, where) in self.granted for where in ("<all keyspaces>", f"<keyspace {keyspace.name}>")
        ):
            return True
        tables = keyspace.tables if right in _OF_ROWS else ()
        return bool(tables) and all(
            (right, f"<table {keyspace.name}.{table}>") in self.granted for table in tables
        )

    def missing(self, role: Role, keyspaces: Sequence[KeyspaceFacts]) -> tuple[tuple[str, str], ...]:
        """Right and keyspace, of those that the role needs and the user lacks."""
        return tuple((right, k.name) for right in NEEDED[role] for k in keyspaces if not self.may(right, k))


async def rights(adapter: CassandraRegion, keyspaces: Sequence[KeyspaceFacts]) -> list[Finding]:
    """Whether ddl_user and dml_user have their rights on each of Apigee's keyspaces; nothing where there is none yet."""
    where = adapter.region.name
    if not keyspaces:
        return []
    try:
        logins = (await adapter.credentials()).logins
        users = {role: logins[role].user for role in NEEDED if role in logins}
        listed = await adapter.any_pod(lambda pod: _listed(adapter, pod, users))
    except HybridspanError as error:
        return [_unlisted(error, where)]
    return list(judged(listed, keyspaces, where, logins["admin"].user))


def judged(
    listed: Mapping[Role, Rights], keyspaces: Sequence[KeyspaceFacts], where: str, admin: str
) -> Iterator[Finding]:
    """A warning for each user who lacks something, or that nobody does."""
    lacking = {role: seen.missing(role, keyspaces) for role, seen in listed.items()}
    for role, missing in lacking.items():
        if missing:
            yield _lack(role, listed[role].user, missing, where, admin)
    if not any(lacking.values()):
        words = " and ".join(f"{seen.user} may {_MAY[role]}" for role, seen in listed.items())
        yield Finding(CHECK, "pass", where, f"{words} {', '.join(k.name for k in keyspaces)}")


def _lack(role: Role, user: str, missing: Sequence[tuple[str, str]], where: str, admin: str) -> Finding:
    by_right: dict[str, list[str]] = {}
    for right, keyspace in missing:
        by_right.setdefault(right, []).append(keyspace)
    lacks = " and ".join(f"{right} on {', '.join(names)}" for right, names in by_right.items())
    effects = {
        "ddl": f"the run alters these as {admin} instead, an exported script or runbook cannot",
        "dml": "the runtime cannot work with these, neither here nor in a new region",
    }
    grants = "; ".join(
        f"GRANT {right} ON KEYSPACE {identifier(keyspace)} TO {identifier(user)}"
        for right, keyspace in missing
    )
    return Finding(
        CHECK, "warn", where, f"{user} lacks {lacks}: {effects[role]}", f"in cqlsh as {admin}: {grants}"
    )


async def _listed(adapter: CassandraRegion, pod: str, users: Mapping[Role, str]) -> dict[Role, Rights]:
    """As the pod's node lists them to the superuser."""
    found: dict[Role, Rights] = {}
    async with adapter.session(pod, "admin") as cql:
        for role, user in users.items():
            roles = await cql.query(f"LIST ROLES OF {identifier(user)}")
            granted = await cql.query(f"LIST ALL PERMISSIONS OF {identifier(user)}")
            held = frozenset((row["permission"], row["resource"]) for row in granted)
            found[role] = Rights(user, any(row["super"] for row in roles), held)
    return found


def _unlisted(error: HybridspanError, where: str) -> Finding:
    if "AllowAllAuthorizer" in error.why:  # it refuses to list what nobody is asked for
        words = "this Cassandra asks nobody for rights (AllowAllAuthorizer): every user may everything"
        return Finding(CHECK, "pass", where, words)
    why = f": {error.why}" if error.why else ""
    words = f"the rights of the database users could not be listed: {error.message}{why}"
    return Finding(CHECK, "unknown", error.where or where, words, error.hint)
