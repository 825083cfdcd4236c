"""What ddl_user and dml_user may do is read before the first change; what they lack is named with the GRANT that mends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.cassandra.preflight import findings
from hybridspan.cassandra.rights_findings import Rights, judged, rights
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.facts.cassandra import KeyspaceFacts
from hybridspan.facts.world import Finding
from tests.cassandra.test_access_findings import Region
from tests.plan_cassandra.world import AFTER, NOW, nts, ring, two_regions, world

KMS = KeyspaceFacts("kms_hybrid_test_7_hybrid", nts(dc_1=3), ("app", "developer"))
PERSES = KeyspaceFacts("perses", nts(dc_1=3), ("node_status",))
ALL_DDL = frozenset({("ALTER", f"<keyspace {k.name}>") for k in (KMS, PERSES)})
ALL_DML = frozenset({(r, f"<keyspace {k.name}>") for r in ("SELECT", "MODIFY") for k in (KMS, PERSES)})


def of(ddl: frozenset[tuple[str, str]] = ALL_DDL, dml: frozenset[tuple[str, str]] = ALL_DML) -> list[Finding]:
    listed: Any = {"ddl": Rights("ddl_user", granted=ddl), "dml": Rights("dml_user", granted=dml)}
    return list(judged(listed, (KMS, PERSES), "eastus", "admin_user"))


def test_users_with_all_their_rights_pass() -> None:
    assert of() == [
        Finding(
            "database-rights",
            "pass",
            "eastus",
            "ddl_user may alter and dml_user may read and write kms_hybrid_test_7_hybrid, perses",
        )
    ]


def test_what_the_runtime_lacks_is_named_with_the_grant() -> None:
    (found,) = of(dml=ALL_DML - {("MODIFY", "<keyspace perses>"), ("SELECT", f"<keyspace {KMS.name}>")})
    assert found.severity == "warn"
    assert found.message == (
        "dml_user lacks SELECT on kms_hybrid_test_7_hybrid and MODIFY on perses:"
        " the runtime cannot work with these, neither here nor in a new region"
    )
    assert found.hint == (
        "in cqlsh as admin_user: GRANT SELECT ON KEYSPACE kms_hybrid_test_7_hybrid TO dml_user;"
        " GRANT MODIFY ON KEYSPACE perses TO dml_user"
    )


def test_who_may_not_alter_is_told_who_does_it_instead() -> None:
    (found,) = of(ddl=frozenset({("ALTER", "<keyspace perses>")}))
    assert (found.severity, found.hint) == (
        "warn",
        "in cqlsh as admin_user: GRANT ALTER ON KEYSPACE kms_hybrid_test_7_hybrid TO ddl_user",
    )
    assert "the run alters these as admin_user instead" in found.message


def test_each_user_has_a_finding_of_its_own() -> None:
    assert [f.message.split()[0] for f in of(frozenset(), frozenset())] == ["ddl_user", "dml_user"]


def test_a_right_on_all_keyspaces_is_one_on_each() -> None:
    everywhere = frozenset({("SELECT", "<all keyspaces>"), ("MODIFY", "<all keyspaces>")})
    assert [f.severity for f in of(frozenset({("ALTER", "<all keyspaces>")}), everywhere)] == ["pass"]


def on_tables(right: str, *tables: str) -> Rights:
    return Rights("any", granted=frozenset((right, f"<table {KMS.name}.{table}>") for table in tables))


def test_rows_may_be_granted_table_by_table_but_every_table_counts() -> None:
    assert on_tables("SELECT", "app", "developer").may("SELECT", KMS)
    assert not on_tables("SELECT", "app").may("SELECT", KMS)
    assert not on_tables("SELECT").may("SELECT", replace(KMS, tables=()))


def test_who_may_alter_every_table_may_not_alter_the_keyspace() -> None:
    assert not on_tables("ALTER", "app", "developer").may("ALTER", KMS)


def test_a_superuser_needs_no_grant() -> None:
    assert Rights("dml_user", is_superuser=True).missing("dml", (KMS, PERSES)) == ()


@dataclass
class Listing(Region):
    """A region whose node lists rights, or says why it does not."""

    listed: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    refusal: HybridspanError | None = None
    asked: list[str] = field(default_factory=list)
    name: str = "eastus"

    @property
    def region(self) -> Any:
        return SimpleNamespace(name=self.name, kubectl="kubectl --context apigee-eastus -n apigee")

    @asynccontextmanager
    async def session(self, _pod: str, role: str):
        async def query(statement: str, _parameters: Any = ()) -> list[dict[str, Any]]:
            if not statement.startswith("LIST"):
                return [{"is_superuser": self.superuser}]
            self.asked.append(f"{role}: {statement}")
            if self.refusal is not None:
                raise self.refusal
            user = statement.rsplit(maxsplit=1)[-1]
            if "ROLES" in statement:
                return [{"role": user, "super": False}]
            return [{"permission": right, "resource": where} for right, where in self.listed.get(user, ())]

        yield SimpleNamespace(query=query)


async def asked_of(region: Listing) -> Finding:
    (found,) = await rights(region, (KMS, PERSES))  # type: ignore[arg-type]
    return found


async def test_the_superuser_asks_cassandra_for_each_user() -> None:
    region = Listing(listed={"ddl_user": list(ALL_DDL), "dml_user": list(ALL_DML)})
    assert (await asked_of(region)).severity == "pass"
    assert region.asked == [
        f"admin: LIST {what} OF {user}"
        for user in ("ddl_user", "dml_user")
        for what in ("ROLES", "ALL PERMISSIONS")
    ]


async def test_of_a_user_that_the_secret_does_not_name_nothing_is_asked() -> None:
    region = Listing(listed={"ddl_user": list(ALL_DDL)}, roles=("admin", "ddl", "jmx"))
    assert (await asked_of(region)).message.startswith("ddl_user may alter kms_")


async def test_a_cassandra_that_asks_nobody_for_rights_passes() -> None:
    why = "LIST ALL PERMISSIONS OF ddl_user: Error from server: code=2200 [Invalid query]"
    why += ' message="LIST PERMISSIONS operation is not supported by AllowAllAuthorizer"'
    region = Listing(refusal=PermanentFailure("HS-CASS-007", "Cassandra refuses the statement", why=why))
    found = await asked_of(region)
    assert (found.severity, "every user may everything" in found.message) == ("pass", True)


@pytest.mark.parametrize("family", [PermanentFailure, TemporaryFailure])
async def test_rights_that_cannot_be_listed_are_unknown_and_refuse_nothing(family) -> None:
    region = Listing(refusal=family("HS-CASS-005", "no answer", where="pod-0", why="busy", hint="look"))
    found = await asked_of(region)
    assert (found.severity, found.where, found.hint) == ("unknown", "pod-0", "look")
    assert found.message == "the rights of the database users could not be listed: no answer: busy"


async def test_before_apigee_has_keyspaces_there_is_nothing_to_ask() -> None:
    assert await rights(Listing(), ()) == []  # type: ignore[arg-type]


async def rights_found(**regions: Listing) -> list[Finding]:
    seen = ring({**AFTER, "of_somebody_else": nts(dc_1=1)}, "dc-1", "dc-2")
    topology = two_regions()
    found = await findings(topology, regions, seen, world(topology, seen).regions, NOW)  # type: ignore[arg-type]
    return [f for f in found if f.check == "database-rights"]


async def test_preflight_asks_the_first_region_for_rights_on_the_organizations_keyspaces_alone() -> None:
    first, added = two_regions().regions
    here, there = Listing(name=first.name), Listing(name=added.name)
    found = await rights_found(**{first.name: here, added.name: there})
    assert [f.message.split(":")[0] for f in found] == [
        "ddl_user lacks ALTER on kms_hybrid_test_7_hybrid",
        "dml_user lacks SELECT on kms_hybrid_test_7_hybrid and MODIFY on kms_hybrid_test_7_hybrid",
    ]
    assert there.asked == []


async def test_where_a_login_fails_the_rights_are_not_asked_for() -> None:
    first = two_regions().first
    here = Listing(name=first.name, wrong=("admin",))
    assert await rights_found(**{first.name: here}) == []
    assert here.asked == []
