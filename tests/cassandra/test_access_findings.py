"""Logins are tried before the first change: every user whom the run or the runtime needs, and nodetool's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.cassandra.access_findings import jmx, logins, reachability
from hybridspan.cassandra.credentials import DatabaseCredentials, Login, Role
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts.kubernetes import PodFacts
from hybridspan.facts.world import Finding
from hybridspan.secrets import Secret
from tests.plan_cassandra.world import BEFORE, ring, two_regions

ALL = ("admin", "ddl", "dml", "jmx")


def pod(number: int, *, ready: bool = True) -> PodFacts:
    name, address = f"pod-{number}", f"120.38.1.{9 + number}"
    return PodFacts(name, "apigee", "uid", "vm", address, "Running", ready, 0, ("cassandra",), "")


@dataclass
class Region:
    """A region's pods, of which some users and some ways are closed."""

    name: str = "eastus"
    password: str = "hidden"
    wrong: tuple[str, ...] = ()
    roles: tuple[str, ...] = ALL
    superuser: bool = True
    found: tuple[PodFacts, ...] = (pod(0), pod(1))
    closed: tuple[str, ...] = ()
    restarting: str = ""
    """The pod that can be asked nothing just now."""
    cannot_say: bool = False
    """Whether the replica that keeps the runtime's user is down."""

    @property
    def region(self) -> Any:
        kubectl = "kubectl --context apigee-eastus -n apigee"
        return SimpleNamespace(name=self.name, datacenter="dc-2", kubectl=kubectl)

    async def credentials(self) -> DatabaseCredentials:
        users = {role: Login(f"{role}_user", Secret(self.password)) for role in self.roles}
        return DatabaseCredentials(users, "cluster apigee-eastus")

    async def pods(self) -> tuple[PodFacts, ...]:
        return self.found

    async def any_pod(self, ask: Callable[[str], Awaitable[Any]]) -> Any:
        for each in self.found:
            if each.ready:
                return await ask(each.name)
        raise TemporaryFailure("HS-CASS-015", "no pod is ready", hint="see what they wait for")

    async def log_in(self, name: str, role: Role) -> None:
        (await self.credentials()).login(role)
        if self.cannot_say and role == "dml":
            raise TemporaryFailure("HS-CASS-004", "the node cannot find out", where=name, hint="look")
        if role in self.wrong:
            raise PermanentFailure(
                "HS-CASS-003", f"Cassandra refuses the password of {role}_user", where=name, hint="compare"
            )

    @asynccontextmanager
    async def session(self, _pod: str, _role: str):
        async def query(_statement: str, _parameters: Any) -> list[dict[str, Any]]:
            return [{"is_superuser": self.superuser}]

        yield SimpleNamespace(query=query)

    async def nodetool(self, name: str, *_: str) -> str:
        if "jmx" in self.wrong:
            raise PermanentFailure("HS-CASS-011", "nodetool's login is refused", where=name, hint="compare")
        return "ReleaseVersion: 4.0.18"

    async def unreachable_from(self, name: str, addresses: list[str], _port: int) -> tuple[str, ...]:
        if name == self.restarting:
            raise TemporaryFailure(
                "HS-KUBE-008", "the container cannot run a command now", hint="kubectl describe"
            )
        return tuple(a for a in addresses if a in self.closed)


async def of_users(region: Region) -> list[Finding]:
    return await logins(region)  # type: ignore[arg-type]


async def test_all_users_are_tried() -> None:
    (found,) = await of_users(Region())
    assert (found.severity, found.message) == (
        "pass",
        "admin_user is a superuser; ddl_user and dml_user log in",
    )


@pytest.mark.parametrize("role", ["admin", "ddl", "dml"])
async def test_a_wrong_password_of_any_user_refuses_before_the_first_change(role: str) -> None:
    (found,) = await of_users(Region(wrong=(role,)))
    assert found.severity == "refuse"
    assert found.message == f"Cassandra refuses the password of {role}_user"
    assert found.hint


async def test_every_wrong_password_is_named_at_once() -> None:
    found = await of_users(Region(wrong=("ddl", "dml")))
    assert [f.message.split()[-1] for f in found] == ["ddl_user", "dml_user"]


async def test_a_secret_without_the_runtimes_user_is_not_held_against_it() -> None:
    (found,) = await of_users(Region(roles=("admin", "ddl", "jmx")))
    assert (found.severity, found.message) == ("pass", "admin_user is a superuser; ddl_user logs in")


async def test_a_secret_without_a_user_that_the_run_needs_refuses() -> None:
    (found,) = await of_users(Region(roles=("admin", "dml", "jmx")))
    assert (found.severity, "ddl.user" in found.message) == ("refuse", True)


async def test_an_ordinary_admin_refuses() -> None:
    (found,) = await of_users(Region(superuser=False))
    assert (found.severity, "no superuser" in found.message) == ("refuse", True)


async def test_without_a_ready_pod_it_refuses_by_name() -> None:
    region = Region(found=(pod(0, ready=False),))
    there = ring(BEFORE, "dc-1")
    found = [*await of_users(region), *await jmx(region, there)]  # type: ignore[arg-type]
    assert [(f.check, f.severity) for f in found] == [("database-users", "refuse"), ("jmx-login", "refuse")]


@pytest.mark.parametrize("is_coming", [True, False])
async def test_what_cannot_be_found_out_refuses_only_where_no_node_is_still_to_come(is_coming: bool) -> None:
    """The seed's restart takes away, for a while, the one replica that keeps a user."""
    unknown: Any = Region(cannot_say=True)
    nothing_up: Any = Region(found=(pod(0, ready=False),))
    there = ring(BEFORE, "dc-1")
    found = [
        *await logins(unknown, is_coming=is_coming),
        *await logins(nothing_up, is_coming=is_coming),
        *await jmx(nothing_up, there, is_coming=is_coming),
    ]
    assert [f.severity for f in found] == ["warn" if is_coming else "refuse"] * 3
    assert all("the run waits for its nodes" in f.hint for f in found) == is_coming


async def test_a_wrong_password_refuses_also_where_nodes_are_still_to_come() -> None:
    wrong: Any = Region(wrong=("dml",))
    (found,) = await logins(wrong, is_coming=True)
    assert found.severity == "refuse"


@pytest.mark.parametrize(
    ("first", "severities"),
    [
        (Region(), ["warn"]),
        (Region(password="another"), ["refuse"] * 3),
        (Region(wrong=("dml",)), ["refuse"] * 3),
        (None, ["refuse"] * 3),
    ],
    ids=["it lets them in", "it has other passwords", "it refuses one too", "it does not run"],
)
async def test_new_nodes_that_refuse_what_the_first_region_accepts_have_not_received_the_users_yet(
    first: Region | None, severities: list[str]
) -> None:
    new = Region("centralus", wrong=ALL)
    found = await logins(new, first)  # type: ignore[arg-type]
    assert [f.severity for f in found] == severities
    if first == Region():
        assert "dc-2 does not know its users yet" in found[0].message
        assert "apply repairs it there" in found[0].hint


async def test_of_new_nodes_that_know_some_users_only_the_wrong_password_is_told() -> None:
    """The secret's dml password is another than the first region's, and the nodes know all users."""
    new = Region("centralus", password="another", wrong=("dml",))
    (found,) = await logins(new, Region())  # type: ignore[arg-type]
    assert (found.severity, found.message) == ("refuse", "Cassandra refuses the password of dml_user")


@pytest.mark.parametrize(
    ("region", "severity"),
    [
        (Region(), "pass"),
        (Region(wrong=("jmx",), found=(pod(5),)), "refuse"),
        # The ring was seen through pod-0's nodetool.
        (Region(wrong=("jmx",)), "pass"),
    ],
)
async def test_nodetools_login_is_tried_where_nothing_has_proved_it(region: Region, severity: str) -> None:
    (found,) = await jmx(region, ring(BEFORE, "dc-1"))  # type: ignore[arg-type]
    assert found.severity == severity


async def test_closed_ways_are_named_and_counted() -> None:
    region = Region(closed=("120.38.1.10",))
    (found,) = await reachability(two_regions(), {"eastus": region})  # type: ignore[dict-item]
    assert (found.severity, found.message) == (
        "warn",
        "port 7001 is closed: pod-0 in eastus does not reach pod-1 in eastus",
    )
    (found,) = await reachability(two_regions(), {"eastus": Region()})  # type: ignore[dict-item]
    assert (found.severity, found.message) == ("pass", "all 2 connections opened on port 7001")


async def test_a_node_that_just_restarts_is_no_reason_against_a_plan() -> None:
    (found,) = await reachability(two_regions(), {"eastus": Region(restarting="pod-1")})  # type: ignore[dict-item]
    assert (found.severity, found.message) == (
        "warn",
        "port 7001 could not be tried from every node: pod-1 in eastus: the container cannot run a command now",
    )
    assert found.hint == "kubectl describe; hybridspan check tries every way again"


async def test_a_closed_way_is_told_though_another_node_restarts() -> None:
    region = Region(restarting="pod-1", closed=("120.38.1.10",))
    (found,) = await reachability(two_regions(), {"eastus": region})  # type: ignore[dict-item]
    assert "pod-0 in eastus does not reach pod-1 in eastus" in found.message
