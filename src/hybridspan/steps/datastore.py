"""What three steps do with a region's ApigeeDatastore: have the installer apply its overrides, and wait for the nodes' restarts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from hybridspan.apigee.apigeectl import must_match
from hybridspan.apigee.observe import DATASTORE
from hybridspan.kubernetes.restarts import unfinished_restart
from hybridspan.progress import Progress

if TYPE_CHECKING:
    from hybridspan.observation.estate import Estate
    from hybridspan.topology.model import Region

STATEFUL_SET: Final = "apigee-cassandra-default"


async def apply_datastore(estate: Estate, region: Region, progress: Progress) -> None:
    """`apigeectl apply --datastore`, or Helm's release of it; PermanentFailure where apigeectl is of another release."""
    if estate.topology.installer == "helm":
        helm = await estate.helm(region)
        await helm.install("datastore", lambda line: progress(line, None, {}))
        return
    installer = await estate.apigeectl(region)
    await must_match(installer, estate.topology.hybrid_version)
    await installer.apply(region.overrides, lambda line: progress(line, None, {}), parts=("--datastore",))


async def rolling(estate: Estate, region: Region) -> str:
    """What is left of a rolling restart of the region's nodes, in words; empty when it is over."""
    cluster = await estate.cluster(region)
    store, found = await asyncio.gather(
        cluster.get(DATASTORE, "ApigeeDatastore", "default", region.namespace),
        cluster.get("apps/v1", "StatefulSet", STATEFUL_SET, region.namespace),
    )
    return unfinished_restart(store, found)
