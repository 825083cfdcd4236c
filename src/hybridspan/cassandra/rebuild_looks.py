"""What the nodes of a region receive now, for whoever only looks: a rebuild may be apply's, or a person's own.

Nothing is started or changed. Cassandra forgets a stream that has ended, so an observer that stays knows more than one that comes
by: `RebuildLooks` is kept from look to look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from hybridspan.cassandra import probing
from hybridspan.cassandra.detached import TaskState
from hybridspan.cassandra.rebuilding import TASK, Rebuild
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.streaming import Meter
from hybridspan.clock import Clock
from hybridspan.errors import HybridspanError
from hybridspan.facts.cassandra import RebuildFacts

PAUSE_SECONDS: Final = 2.0
"""Between the two looks of whoever comes by once: a rate needs two."""


class RebuildLooks:
    """One region's nodes, as receivers of what another region has."""

    def __init__(
        self,
        target: CassandraRegion,
        source: CassandraRegion,
        port: int,
        clock: Clock,
        *,
        by_operator: bool = False,
    ) -> None:
        """`by_operator`: an operator copies, of which only Cassandra itself knows; asking it costs a JVM for each node."""
        self._target = target
        self._source = source
        self._port = port
        self._clock = clock
        self._by_operator = by_operator
        self._meters: dict[str, Meter] = {}

    async def look(self, keyspaces: Sequence[str]) -> tuple[tuple[RebuildFacts, ...], HybridspanError | None]:
        """The nodes that receive now, `keyspaces` being what they are to hold, and why one could not be asked, if so."""
        pods = [pod.name for pod in await self._target.pods() if pod.ready]
        found = await asyncio.gather(*(self._node(pod, keyspaces) for pod in pods))
        failures = [seen for seen in found if isinstance(seen, HybridspanError)]
        return tuple(seen for seen in found if isinstance(seen, RebuildFacts)), next(iter(failures), None)

    async def _node(self, pod: str, keyspaces: Sequence[str]) -> RebuildFacts | HybridspanError | None:
        """What it receives; a node that does not answer must not hide the others."""
        try:
            state = await (await self._target.task(pod, TASK)).look()
            if state.phase == "running" or await self._by_others(pod):
                return await self._received(pod, state, keyspaces)
        except HybridspanError as error:
            return error
        self._meters.pop(pod, None)
        return None

    async def _by_others(self, pod: str) -> bool:
        if self._by_operator:
            return await self._rebuild(pod).receives()
        return (await self._target.bash(pod, probing.NODETOOL_REBUILD)).strip() == "yes"

    async def _received(self, pod: str, state: TaskState, keyspaces: Sequence[str]) -> RebuildFacts:
        left = [name for name in keyspaces if name not in state.succeeded]
        meter = self._meters.get(pod)
        if meter is None:
            expected = await self._rebuild(pod).expected_sizes(left)
            meter = self._meters[pod] = Meter(sum(expected.values()))
            meter.look(self._clock.monotonic(), await self._rebuild(pod).streams())
            await self._clock.sleep(PAUSE_SECONDS)
        received = meter.look(self._clock.monotonic(), await self._rebuild(pod).streams())
        return RebuildFacts(
            pod=pod,
            datacenter=self._target.region.datacenter,
            keyspace=state.current or "",
            keyspaces_done=len(keyspaces) - len(left),
            keyspaces_total=len(keyspaces),
            bytes=received.bytes,
            bytes_total=received.bytes_expected,
            files=received.files,
            seconds_left=received.seconds_left,
        )

    def _rebuild(self, pod: str) -> Rebuild:
        return Rebuild(self._target, self._source, pod, self._port, self._clock)
