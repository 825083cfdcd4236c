"""Facts of a small world, to be varied by `dataclasses.replace`."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybridspan.facts.apigee import DatastoreFacts
from hybridspan.facts.cassandra import RingFacts, RingNode
from hybridspan.facts.kubernetes import ClusterObjects, SecretFacts
from hybridspan.topology.loading import load
from hybridspan.topology.model import Topology

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def topology() -> Topology:
    return load(EXAMPLES / "two-regions" / "hybrid.yaml")


def node(address: str, datacenter: str, seen: str = "UN") -> RingNode:
    return RingNode(address, f"id-{address}", datacenter, "ra-1", seen[0], seen[1], 1000, 256)  # type: ignore[arg-type]


def ring(*nodes: RingNode) -> RingFacts:
    return RingFacts("120.38.1.9", nodes, {"v": tuple(n.address for n in nodes)})


FIRST = tuple(node(f"120.38.1.{n}", "dc-1") for n in (9, 10, 11))
SECOND = tuple(node(f"192.138.0.{n}", "dc-2") for n in (9, 10, 11))


def store(
    state: str = "running", seed: str | None = None, datacenter: str = "dc-2", ready: int = 3
) -> DatastoreFacts:
    return DatastoreFacts(
        "default", state, datacenter, "ra-1", "apigeecluster", seed, 3, ready, False, "1.11.2", False
    )


def secret(name: str, content: str = "x", purpose: str = "Cassandra credentials") -> SecretFacts:
    return SecretFacts(name, "apigee", "Opaque", {"key": content}, content * 8, purpose)


def objects(
    *secrets: SecretFacts,
    authority: SecretFacts | None = None,
    cert_manager: str | None = "v1.13.6",
    ready: bool = True,
    classes: tuple[str, ...] = (),
    namespaces: frozenset[str] = frozenset(),
) -> ClusterObjects:
    return ClusterObjects("v1.37.2", (), namespaces, cert_manager, authority, secrets, classes, (), ready)
