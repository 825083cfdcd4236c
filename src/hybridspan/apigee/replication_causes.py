"""Why a CassandraDataReplication failed: from the operator's words, and from what the ring says, to one cause with its remedy."""

from __future__ import annotations

import re
from typing import Final

from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.facts.cassandra import SYSTEM_KEYSPACES, RingFacts

_NO_SOURCES: Final = re.compile(r"Unable to find sufficient sources for streaming range .* in keyspace (\w+)")
_UNKNOWN: Final = re.compile(
    r"not a valid data ?center|no such data ?center|unknown data ?center", re.IGNORECASE
)
_NO_ORGANIZATION: Final = re.compile(
    r"ApigeeOrganization.*(?:not found|does not exist|not running)|organizationRef.*(?:not found|does not exist)",
    re.IGNORECASE | re.DOTALL,
)
_UNREACHABLE: Final = re.compile(
    r"unreachable|timed out|No route to host|Connection refused|Could not connect|failed to connect|is down",
    re.IGNORECASE,
)
_NODE_LOST: Final = re.compile(
    r"Stream failed|Connection reset|Broken pipe|EOF|container not found|not running|restarted|is not ready|lost|exit code 13[0-9]"
    r"|JMX|:7199|still rebuilding|pods? .*not found",
    re.IGNORECASE,
)
"""A refused :7199 is the node's own nodetool: Cassandra there is down or starting, whatever the network does."""
_NO_LOGIN: Final = re.compile(
    r"Authentication failed|Invalid username|Provided username .* incorrect", re.IGNORECASE
)
_DISK_FULL: Final = re.compile(
    r"No space left on device|(?:Insufficient|Not enough|Out of) (?:disk )?space", re.IGNORECASE
)


def cause_of(told: str, source: str, ring: RingFacts | None, where: str) -> HybridspanError:
    """The failure with its cause; what may pass by itself is temporary."""
    known = ring.datacenters if ring else ()
    starved = _NO_SOURCES.search(told)
    if _UNKNOWN.search(told) or (starved and known and source not in known):
        return PermanentFailure(
            "HS-APIGEE-040",
            f"the operator was to copy from {source}, and the ring has no such data center",
            where=where,
            why=f"the ring has {', '.join(known) or 'none that answers'}; the operator says: {told}",
            hint="source.region is the name of the Cassandra data center, not of a cloud region: run apply again, it corrects"
            " the resource and starts it by force",
        )
    if starved:
        return _starved(starved[1], source, told, where)
    if _NO_ORGANIZATION.search(told):
        return PermanentFailure(
            "HS-APIGEE-043",
            "the operator does not find the organization that the replication names",
            where=where,
            why=told,
            hint="organizationRef is the name of an ApigeeOrganization here: run apply again, it installs the organization first",
        )
    if _NO_LOGIN.search(told):
        return _no_login(told, where)
    if _DISK_FULL.search(told):
        return _disk_full(told, where)
    if _NODE_LOST.search(told):
        return TemporaryFailure(
            "HS-APIGEE-046",
            "a node or its stream was lost while the operator copied",
            where=where,
            why=told,
            hint="run apply again: it starts the resource by force, and what has arrived is not streamed twice",
        )
    if _UNREACHABLE.search(told):
        return TemporaryFailure(
            "HS-APIGEE-041",
            f"the new nodes do not reach {source}",
            where=where,
            why=told,
            hint="see that the peering is Connected on both sides and that port 7001 is open: hybridspan status, then run apply again",
        )
    return PermanentFailure(
        "HS-APIGEE-049",
        "the operator could not copy the data",
        where=where,
        why=told,
        hint="the logs of apigee-controller-manager and of the Cassandra pods say more; run apply again: it starts the resource by"
        " force; replication: direct in the topology lets hybridspan copy instead",
    )


def _starved(keyspace: str, source: str, told: str, where: str) -> PermanentFailure:
    system = keyspace in SYSTEM_KEYSPACES
    hint = (
        "run apply again: its keyspace steps replicate Cassandra's own keyspaces to both data centers, then the resource is"
        " started by force"
        if system
        else f"nodetool status shows whether all of {source} is up; then run apply again"
    )
    return PermanentFailure(
        "HS-APIGEE-042",
        f"{keyspace} has ranges without a live replica in {source}",
        where=where,
        why=told,
        hint=hint,
    )


def _no_login(told: str, where: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-APIGEE-054",
        "the new nodes refuse the operator's login",
        where=where,
        why=told,
        hint="a node has read another password than the secret holds now: compare secret apigee-datastore-default-creds with the"
        " first region's, restart the Cassandra pods one after the other, then run apply again",
    )


def _disk_full(told: str, where: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-APIGEE-055",
        "the disk of a new node is full",
        where=where,
        why=told,
        hint="enlarge the volume claims (the storage class must allow it): each must hold what a node of the first region holds,"
        " and room for compaction; then run apply again, what has arrived is not streamed twice",
    )
