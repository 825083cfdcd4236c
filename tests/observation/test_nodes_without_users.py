"""Between the ALTER of system_auth and its repair, the nodes of a new data center refuse right passwords."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hybridspan.cassandra.probing import HostState
from hybridspan.errors import PermanentFailure
from hybridspan.facts.cassandra import NodeFacts
from hybridspan.facts.kubernetes import PodFacts
from hybridspan.observation import gather as looking
from hybridspan.plan.phases.keyspaces import auth_key
from hybridspan.topology.model import Region
from tests.plan_cassandra.world import AFTER, BEFORE, ring, two_regions

TOPOLOGY = two_regions()
FIRST, NEW = TOPOLOGY.regions
WHOLE = ring(AFTER, "dc-1", "dc-2")
HOSTS = [node.host_id for node in WHOLE.of("dc-2")]
REFUSED = PermanentFailure("HS-CASS-003", "Cassandra refuses the password of admin_user")


class Nodes:
    """A region whose one node lets nobody in."""

    def __init__(self, region: Region, seen: Any) -> None:
        self.region, self._seen = region, seen

    async def pods(self) -> tuple[PodFacts, ...]:
        return (PodFacts("pod-0", "apigee", "uid", "vm", "10.0.0.1", "Running", True, 0, ("cassandra",), ""),)

    async def members(self) -> Any:
        return self._seen

    async def last_repairs(self) -> dict[str, float]:
        raise REFUSED

    async def host(self, _pod: str) -> HostState:
        return HostState(5, 7, time.time(), own_name_resolves=True)

    @asynccontextmanager
    async def session(self, _pod: str):
        raise REFUSED
        yield


class Estate:
    topology = TOPOLOGY

    def __init__(self, decided: Mapping[str, Any] | None, seen: Any = WHOLE) -> None:
        self._decided, self._seen = decided, seen

    async def cassandra(self, region: Region) -> Any:
        return Nodes(region, self._seen)

    def decided(self, key: str) -> Any:
        return self._decided if key == auth_key(NEW) else None


async def nodes_of(
    region: Region, decided: Mapping[str, Any] | None, seen: Any = WHOLE
) -> tuple[NodeFacts, ...]:
    return await looking._nodes(Estate(decided, seen), region)  # type: ignore[arg-type]


@pytest.mark.parametrize("hosts", [[], HOSTS[:1], ["of-a-node-that-was-replaced", *HOSTS[:2]]])
async def test_of_a_node_that_awaits_its_users_all_else_is_told(hosts: list[str]) -> None:
    (node,) = await nodes_of(NEW, {"hosts": hosts})
    assert (node.data_bytes, node.available_ranges, node.last_repair) == (5, (), {})


@pytest.mark.parametrize(
    ("region", "decided", "seen"),
    [
        (NEW, {"hosts": HOSTS}, WHOLE),
        (NEW, None, WHOLE),
        (NEW, {"hosts": []}, ring(BEFORE, "dc-1", "dc-2")),
        (FIRST, {"hosts": []}, WHOLE),
    ],
    ids=["all were repaired", "no run has begun", "not altered", "the first region"],
)
async def test_a_password_that_is_refused_for_no_such_reason_is_wrong(
    region: Region, decided: Mapping[str, Any] | None, seen: Any
) -> None:
    with pytest.raises(PermanentFailure, match="HS-CASS-003"):
        await nodes_of(region, decided, seen)
