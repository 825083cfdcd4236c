"""Between the ALTER of system_auth and its repair, the nodes of a new data center refuse right passwords."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hybridspan.cassandra.credentials import DatabaseCredentials, Login, Role
from hybridspan.cassandra.probing import HostState
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts.cassandra import NodeFacts
from hybridspan.facts.kubernetes import PodFacts
from hybridspan.observation import gather as looking
from hybridspan.secrets import Secret
from hybridspan.topology.model import Region
from tests.plan_cassandra.world import two_regions

TOPOLOGY = two_regions()
FIRST, NEW = TOPOLOGY.regions
REFUSED = PermanentFailure("HS-CASS-003", "Cassandra refuses the password of admin_user")
SILENT = TemporaryFailure("HS-CASS-008", "no CQL connection to the node")


class Nodes:
    """A region of one node, whose secret has this password; `answer` is what a login ends with."""

    def __init__(self, region: Region, password: str, answer: Exception | None) -> None:
        self.region, self._password, self._answer = region, password, answer

    async def credentials(self) -> DatabaseCredentials:
        return DatabaseCredentials({"admin": Login("admin_user", Secret(self._password))}, "here")

    async def any_pod(self, ask: Any) -> Any:
        return await ask("pod-0")

    async def log_in(self, _pod: str, _role: Role) -> None:
        if self._answer:
            raise self._answer

    async def pods(self) -> tuple[PodFacts, ...]:
        return (PodFacts("pod-0", "apigee", "uid", "vm", "10.0.0.1", "Running", True, 0, ("cassandra",), ""),)

    async def last_repairs(self) -> dict[str, float]:
        await self.log_in("pod-0", "admin")
        return {}

    async def host(self, _pod: str) -> HostState:
        return HostState(5, 7, time.time(), own_name_resolves=True)

    @asynccontextmanager
    async def session(self, _pod: str):
        raise REFUSED
        yield


class Estate:
    topology = TOPOLOGY

    def __init__(self, first: Nodes | Exception, new: Nodes) -> None:
        self._nodes = {FIRST.name: first, NEW.name: new}

    async def cassandra(self, region: Region) -> Any:
        found = self._nodes[region.name]
        if isinstance(found, Exception):
            raise found
        return found


async def nodes_of(region: Region, first: Nodes | Exception, new: Nodes) -> tuple[NodeFacts, ...]:
    return await looking._nodes(Estate(first, new), region)  # type: ignore[arg-type]


async def test_of_nodes_that_await_the_users_whom_the_first_region_lets_in_all_else_is_told() -> None:
    (node,) = await nodes_of(NEW, Nodes(FIRST, "right", None), Nodes(NEW, "right", REFUSED))
    assert (node.data_bytes, node.available_ranges, node.last_repair) == (5, (), {})


@pytest.mark.parametrize(
    ("region", "password", "answer"),
    [(NEW, "another", None), (NEW, "right", REFUSED), (NEW, "right", SILENT), (FIRST, "right", REFUSED)],
    ids=["another password", "the first region refuses it too", "nobody can tell", "the first region itself"],
)
async def test_a_password_that_is_refused_for_no_such_reason_is_wrong(
    region: Region, password: str, answer: Exception | None
) -> None:
    with pytest.raises(PermanentFailure, match="HS-CASS-003"):
        await nodes_of(region, Nodes(FIRST, password, answer), Nodes(NEW, "right", REFUSED))


async def test_where_the_first_region_cannot_be_opened_each_region_is_told_its_own_failure() -> None:
    with pytest.raises(PermanentFailure, match="HS-CASS-003"):
        await nodes_of(NEW, SILENT, Nodes(NEW, "right", REFUSED))
