"""What a proof of a data center spares the steps: data that was compared and found the same need not be brought again.

A person may have done the work by hand, or with the exported script. Cassandra's own record of received ranges is not believed
without our journal (it may come from an empty source); a comparison of every replica is, whoever streamed them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybridspan.facts.cassandra import RingFacts
from hybridspan.plan.phases.keyspaces import auth_key
from hybridspan.plan.phases.rebuild import rebuild_key, to_stream
from hybridspan.plan.phases.verification import fingerprint, verification_key
from hybridspan.topology.model import Region


def proof_of(
    region: Region, ring: RingFacts, pods: Mapping[str, str], now: float, *, has_seed: bool
) -> dict[str, Any]:
    """What the journal keeps, by key, once the region's data center is proved; `pods` are names by address.

    While the nodes still have a seed of another region, the comparison after their last restart is yet to come.
    """
    nodes = ring.of(region.datacenter)
    compared = {"fingerprint": fingerprint(ring, region.datacenter), "at": now}
    phases = ("verify",) if has_seed else ("verify", "verify-again")
    held = {"begun": sorted(to_stream(ring, region))}
    return {
        **{verification_key(phase, region.name): compared for phase in phases},
        auth_key(region): {"hosts": sorted(node.host_id for node in nodes)},
        **{
            rebuild_key(region.name, pods[n.address]): {"host_id": n.host_id, **held}
            for n in nodes
            if n.address in pods
        },
    }
