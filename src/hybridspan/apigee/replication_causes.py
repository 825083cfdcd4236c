"""Why a CassandraDataReplication failed: from the operator's words, and from what ring and nodes show, to one cause with its remedy.

The operator repeats what `nodetool rebuild` printed, and that is `Stream failed` whatever broke the stream. So a full disk and a
closed way, which the nodes show, are believed before the words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hybridspan.apigee.causes import SEE_THE_WAY
from hybridspan.apigee.observe import USUAL_CREDENTIALS
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.facts.apigee import DatastoreFacts
from hybridspan.facts.cassandra import SYSTEM_KEYSPACES, Hindrances, RingFacts
from hybridspan.topology.model import Region

_NO_SOURCES: Final = re.compile(r"Unable to find sufficient sources for streaming range .* in keyspace (\w+)")
_UNKNOWN: Final = re.compile(
    r"not a valid data ?center|no such data ?center|unknown data ?center", re.IGNORECASE
)
_NAMED_UNKNOWN: Final = re.compile(r"data ?center '([^']+)' is not a valid", re.IGNORECASE)
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
_NO_USER: Final = re.compile(r"Provided username (\S+) .*incorrect", re.IGNORECASE)
_NO_LOGIN: Final = re.compile(r"Authentication failed|Invalid username", re.IGNORECASE)
_DISK_FULL: Final = re.compile(
    r"No space left on device|(?:Insufficient|Not enough|Out of) (?:disk )?space", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where it failed, in the words of a message and for the commands of a remedy."""

    where: str
    namespace: str
    kubectl: str
    """What a command about that namespace begins with."""
    credentials: str
    """The secret with the users of Cassandra and JMX."""


def place_of(region: Region, store: DatastoreFacts | None, resource: str) -> Place:
    where = f"{region.name}, CassandraDataReplication {resource} in namespace {region.namespace}"
    return Place(
        where, region.namespace, region.kubectl, store.credentials_secret if store else USUAL_CREDENTIALS
    )


NOTHING: Final = Hindrances()


def cause_of(
    told: str, source: str, ring: RingFacts | None, place: Place, hindrances: Hindrances = NOTHING
) -> HybridspanError:
    """The failure with its cause; what may pass by itself is temporary."""
    known = ring.datacenters if ring else ()
    if source in known and not (told := _of_now(all_told := told, source)):
        return _started_again("the operator ended with what it had kept of an earlier start", all_told, place)
    starved = _NO_SOURCES.search(told)
    if _UNKNOWN.search(told) or (starved and known and source not in known):
        return _no_datacenter(told, source, known, place)
    if hindrances.full or _DISK_FULL.search(told):
        return _disk_full(told, hindrances, place)
    if hindrances.closed:
        return _closed(told, source, hindrances, place)
    if starved:
        return _starved(starved[1], source, told, place)
    if _NO_ORGANIZATION.search(told):
        return _no_organization(told, place)
    if user := _NO_USER.search(told):
        return _no_user(user[1], told, place)
    if _NO_LOGIN.search(told):
        return _no_login(told, place)
    return _passing(told, source, place) or _unknown(told, place)


def _of_now(told: str, source: str) -> str:
    """Without what the operator says of nodes that were to copy from another data center than now.

    One that is restarted after the resource was corrected may keep, and end with, what it knew of nodes before.
    """

    def is_old(part: str) -> bool:
        return any(name != source for name in _NAMED_UNKNOWN.findall(part))

    return "; ".join(part for part in told.split("; ") if not is_old(part))


def _started_again(message: str, told: str, place: Place) -> TemporaryFailure:
    return TemporaryFailure(
        "HS-APIGEE-046",
        message,
        where=place.where,
        why=told,
        hint="run apply again: it starts the resource by force, and what has arrived is not streamed twice",
    )


def _no_datacenter(told: str, source: str, known: tuple[str, ...], place: Place) -> PermanentFailure:
    return PermanentFailure(
        "HS-APIGEE-040",
        f"the operator was to copy from {source}, and the ring has no such data center",
        where=place.where,
        why=f"the ring has {', '.join(known) or 'none that answers'}; the operator says: {told}",
        hint="source.region is the name of the Cassandra data center, not of a cloud region: run apply again, it corrects"
        " the resource and starts it by force",
    )


def _closed(told: str, source: str, hindrances: Hindrances, place: Place) -> PermanentFailure:
    return PermanentFailure(
        "HS-APIGEE-041",
        f"the new nodes do not reach {source}",
        where=place.where,
        why=f"{', '.join(hindrances.closed)} cannot be reached from them; the operator says: {told}",
        hint="run apply again: it looks at peerings and ports, mends them, and starts the resource by force",
    )


def _no_organization(told: str, place: Place) -> PermanentFailure:
    return PermanentFailure(
        "HS-APIGEE-043",
        "the operator does not find the organization that the replication names",
        where=place.where,
        why=told,
        hint=f"{place.kubectl} get apigeeorg: organizationRef is the name of that resource; run apply again, it"
        " installs the organization first",
    )


def _passing(told: str, source: str, place: Place) -> TemporaryFailure | None:
    """What a second start may find gone."""
    if _NODE_LOST.search(told):
        return _started_again("a node or its stream was lost while the operator copied", told, place)
    if _UNREACHABLE.search(told):
        return TemporaryFailure(
            "HS-APIGEE-041",
            f"the new nodes do not reach {source}",
            where=place.where,
            why=told,
            hint=SEE_THE_WAY,
        )
    return None


def _unknown(told: str, place: Place) -> PermanentFailure:
    return PermanentFailure(
        "HS-APIGEE-049",
        "the operator could not copy the data",
        where=place.where,
        why=told,
        hint=f"{place.kubectl} logs deployment/apigee-controller-manager and the logs of the Cassandra pods say more;"
        " run apply again: it starts the resource by force; replication: direct in the topology lets hybridspan copy instead",
    )


def _starved(keyspace: str, source: str, told: str, place: Place) -> PermanentFailure:
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
        where=place.where,
        why=told,
        hint=hint,
    )


def _no_login(told: str, place: Place) -> PermanentFailure:
    return PermanentFailure(
        "HS-APIGEE-054",
        "the new nodes refuse the operator's login",
        where=place.where,
        why=told,
        hint=f"a node has read another password than the secret holds now: compare secret {place.credentials} in namespace"
        f" {place.namespace} with the first region's, restart the Cassandra pods one after the other, then run apply again",
    )


def _no_user(user: str, told: str, place: Place) -> PermanentFailure:
    return PermanentFailure(
        "HS-APIGEE-054",
        f"Cassandra refuses the operator's login as {user}",
        where=place.where,
        why=told,
        hint=f"the ring has one password for {user}, which somebody has changed, or secret {place.credentials} in namespace"
        f" {place.namespace} is not the first region's: make secret and ring agree (a rotation is carried out by a SecretRotation),"
        " then run apply again",
    )


def _disk_full(told: str, hindrances: Hindrances, place: Place) -> PermanentFailure:
    seen = "; ".join(f"{pod} has {size // 1024**2} MiB free" for pod, size in sorted(hindrances.full.items()))
    return PermanentFailure(
        "HS-APIGEE-055",
        "the disk of a new node is full",
        where=place.where,
        why=f"{seen}; the operator says: {told}" if seen else told,
        hint="enlarge the volume claims (the storage class must allow it): each must hold what a node of the first region holds,"
        " and room for compaction; then run apply again, what has arrived is not streamed twice",
    )
