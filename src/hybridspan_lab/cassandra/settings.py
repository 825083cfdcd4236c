"""What a Cassandra pod is told: its own address and name, its place in the ring, its secrets' folders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MEBIBYTE: Final = 1024 * 1024
_SIZES: Final[Mapping[str, int]] = {"k": 1024, "m": MEBIBYTE, "g": 1024 * MEBIBYTE}


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """One node; the environment variables are those of the StatefulSet's template."""

    pod_name: str
    address: str
    """Its own address, which it listens on and broadcasts; it is a different one after a rescheduling."""
    service: str
    """The headless service's DNS name, below which the pods of this region have theirs."""
    cluster_name: str
    datacenter: str
    rack: str
    external_seed: str
    """A node of another region (multiRegionSeedHost) or of another installation; empty where there is none."""
    first_seed: str
    """Whom a new node calls where the installation names nobody any more: the lab's own word, empty as a rule."""
    data: Path
    conf: Path
    tls: Path
    """Folder with tls.crt, tls.key and ca.crt."""
    credentials: Path
    """Folder with jmx.user and jmx.password."""
    heap: int
    """Greatest heap in bytes."""
    young_heap: int

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> NodeSettings:
        """Raises KeyError for a variable that the template must set."""
        return cls(
            pod_name=env["POD_NAME"],
            address=env["POD_IP"],
            service=env["CASSANDRA_SERVICE"],
            cluster_name=env.get("CASSANDRA_CLUSTER_NAME", "apigeecluster"),
            datacenter=env.get("CASSANDRA_DC", "dc-1"),
            rack=env.get("CASSANDRA_RACK", "ra-1"),
            external_seed=env.get("CASSANDRA_EXTERNAL_SEED", ""),
            first_seed=env.get("CASSANDRA_FIRST_SEED", ""),
            data=Path(env.get("CASSANDRA_DATA", "/opt/apigee/data/apigee-cassandra")),
            conf=Path(env.get("CASSANDRA_CONF", "/opt/apigee/apigee-cassandra/conf")),
            tls=Path(env.get("CASSANDRA_TLS", "/opt/apigee/ssl")),
            credentials=Path(env.get("CASSANDRA_CREDENTIALS", "/opt/apigee/credentials")),
            heap=size(env.get("MAX_HEAP_SIZE", "512M")),
            young_heap=size(env.get("HEAP_NEWSIZE", "100M")),
        )

    @property
    def called_first(self) -> str:
        """The node of another region that a new node joins through, or nothing."""
        return self.external_seed or self.first_seed

    @property
    def ordinal(self) -> int:
        """The number at the end of the pod's name."""
        return int(self.pod_name.rpartition("-")[2])

    @property
    def joined(self) -> Path:
        """A file beside the data: the readiness probe makes it when the node first takes clients."""
        return self.data / ".joined"

    @property
    def has_joined(self) -> bool:
        """Whether a node of this volume has been in a ring; data alone does not say so, a failed first start leaves some."""
        return self.joined.exists()

    def pod_host(self, ordinal: int) -> str:
        """DNS name of a pod of this region."""
        return f"{self.pod_name.rpartition('-')[0]}-{ordinal}.{self.service}"


def size(text: str) -> int:
    """`512M` → bytes. Raises ValueError for anything that Cassandra's scripts would not take either."""
    match = re.fullmatch(r"(\d+)\s*([kKmMgG]?)", text.strip())
    if match is None:
        raise ValueError(f"not a heap size: {text!r} (wanted: 512M, 8G)")
    return int(match[1]) * _SIZES.get(match[2].lower(), 1)
