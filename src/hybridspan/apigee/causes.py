"""Why a new node does not come up: from what it and Kubernetes say to one cause with its remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hybridspan.facts.kubernetes import PodFacts


@dataclass(frozen=True, slots=True)
class Cause:
    """A known cause that waiting does not cure, once it was seen for `patience` seconds.

    `restarts` is how many times the container must have ended by it: a start on a busy machine may miss its time.
    """

    code: str
    message: str
    hint: str
    restarts: int = 1
    patience: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """A cause and the words that gave it away."""

    cause: Cause
    evidence: str


_OTHER_AUTHORITY: Final = Cause(
    "HS-APIGEE-020",
    "the node's certificate is of another authority than the ring's",
    "the cluster's apigee-ca is not the first region's, or came after the node's certificate: hybridspan plan says which;"
    " delete this datastore, then run apply again (docs/trust.md)",
)
_ADDRESS_TAKEN: Final = Cause(
    "HS-APIGEE-021",
    "the ring still holds a node of an earlier installation with this address",
    "nodetool status in another region shows it as DN: nodetool removenode HOST_ID there, then run apply again",
)
_OTHER_DATACENTER: Final = Cause(
    "HS-APIGEE-022",
    "the node's volume is of another data center or rack than its settings",
    "the volume claim is left over from an earlier installation: delete the datastore and its claims, or correct"
    " datacenter and rack in the topology",
)
_DISK_FULL: Final = Cause(
    "HS-APIGEE-023",
    "the node's disk is full",
    "enlarge the volume claim (the storage class must allow it) or free its volume, then run apply again",
    restarts=0,
    patience=20.0,
)
SEE_THE_WAY: Final = (
    "see that the peering is Connected on both sides, or what connects the networks otherwise lets them through, and that port"
    " 7001 is open: hybridspan status, then run apply again"
)
"""The next move where nodes do not reach one another."""
_NO_SEED: Final = Cause(
    "HS-APIGEE-024",
    "the node cannot reach the ring",
    SEE_THE_WAY,
    restarts=3,
    patience=180.0,
)
_CREDENTIALS: Final = Cause(
    "HS-APIGEE-025",
    "the node cannot start with its credentials",
    "compare the secret that cassandra.auth.secret names (else apigee-datastore-default-creds) with the first region's, then run"
    " apply again",
    restarts=2,
)
_MEMORY: Final = Cause(
    "HS-APIGEE-026",
    "the node has too little memory",
    "give cassandra.resources or maxHeapSize what the machines have, then run apply again",
    restarts=2,
)
_CLUSTER_NAME: Final = Cause(
    "HS-APIGEE-027",
    "the node's volume or its seed is of another Cassandra cluster",
    "cassandra.clusterName must be the same everywhere, and a volume claim of another cluster must go",
)

_SIGNS: Final = (
    (r"No space left on device|Insufficient disk space|Out of disk space", _DISK_FULL),
    (r"A node with address \S+ already exists", _ADDRESS_TAKEN),
    (r"(?:data ?center|rack) \(.*?\) differs from previous", _OTHER_DATACENTER),
    (r"Saved cluster name .* != configured name|ClusterName mismatch", _CLUSTER_NAME),
    (
        r"PKIX path|CERTIFICATE_VERIFY_FAILED|Failed to (?:properly )?handshake with peer.*|unknown_ca",
        _OTHER_AUTHORITY,
    ),
    (r"OutOfMemoryError: |OOMKilled", _MEMORY),
    (r"Unable to contact any seeds|Unable to gossip with any peers", _NO_SEED),
    (r"Provided username .* incorrect|password file read access must be restricted", _CREDENTIALS),
)


def cause_in(lines: Iterable[str]) -> Found | None:
    """The first known cause in a log, the surest sign first, whatever came later in the text."""
    text = list(lines)
    for pattern, cause in _SIGNS:
        sign = re.compile(pattern)
        for line in text:
            if sign.search(line):
                return Found(cause, line.strip()[:300])
    return None


SCHEDULING_SECONDS: Final = 120.0
"""How long a pod may wait for a machine, a volume or an image: they may be in the making."""

_UNSCHEDULABLE: Final = Cause(
    "HS-APIGEE-028",
    "no machine can take the pod",
    "the node pool is too small, or its labels are not those of nodeSelector in the overrides",
    restarts=0,
    patience=SCHEDULING_SECONDS,
)
_NO_VOLUME: Final = Cause(
    "HS-APIGEE-029",
    "the pod gets no volume",
    "{kubectl} describe pvc says why: storage class, quota of disks, or the zone of the machines",
    restarts=0,
    patience=SCHEDULING_SECONDS,
)
_NO_IMAGE: Final = Cause(
    "HS-APIGEE-030",
    "the pod's image cannot be fetched",
    "see the image pull secret and that the machines reach the registry",
    restarts=0,
    patience=SCHEDULING_SECONDS,
)


def cause_of_waiting(pod: PodFacts) -> Found | None:
    """Why Kubernetes itself cannot start the pod; None where it says nothing of the kind."""
    if re.match(r"ErrImagePull|ImagePullBackOff|InvalidImageName", pod.reason):
        return Found(_NO_IMAGE, pod.reason)
    if pod.phase != "Pending" or not pod.reason:
        return None
    if re.search(r"persistentvolumeclaim|PersistentVolume|volume", pod.reason):
        return Found(_NO_VOLUME, pod.reason)
    return (
        Found(_UNSCHEDULABLE, pod.reason) if re.match(r"Unschedulable|FailedScheduling", pod.reason) else None
    )
