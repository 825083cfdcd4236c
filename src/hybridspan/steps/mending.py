"""Mends what a verification found to differ: full repairs of just those ranges, started detached and watched to their end."""

from __future__ import annotations

from collections.abc import Sequence

from hybridspan.cassandra.detached import Job
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.repairing import repaired
from hybridspan.errors import TemporaryFailure
from hybridspan.observation.estate import Estate
from hybridspan.progress import Progress
from hybridspan.verification.mending import Mend, by_node

TASK = "mend"


async def mend(estate: Estate, todo: Sequence[Mend], progress: Progress, *, since: float) -> None:
    """Carry the repairs out, one node after the other; TemporaryFailure where one does not complete.

    One that an earlier run started counts where it runs on, or began after the comparison that found what differs (`since`).
    Whether the replicas are equal then is not concluded from that: compare again.
    """
    for address, wanted in by_node(todo).items():
        region, pod = await _holder(estate, address)
        jobs = [Job(f"mend{number}", each.arguments) for number, each in enumerate(wanted)]
        await repaired(region, pod, TASK, jobs, estate.clock, progress, since=since)


async def _holder(estate: Estate, address: str) -> tuple[CassandraRegion, str]:
    """The region and the pod with that address."""
    for region in estate.topology.regions:
        cassandra = await estate.cassandra(region)
        for pod in await cassandra.pods():
            if pod.address == address:
                return cassandra, pod.name
    raise TemporaryFailure(
        "HS-CASS-014",
        f"no Cassandra pod has the address {address}",
        where=estate.topology.name,
        hint="it may be restarting; nodetool status must show every node UN; then verify again",
    )
