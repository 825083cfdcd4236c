"""An example with one Cassandra node a region, for rehearsals that are about the way between nodes, not about data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.rehearsal.rig import Rig

FEWER = (
    ("replicationFactor: 3", "replicationFactor: 1"),
    ("cassandraNodes: 3", "cassandraNodes: 1"),
    ("count: 3", "count: 1"),
)


@contextmanager
def small(example: str, change: Callable[[Rig], None]) -> Iterator[Rig]:
    """A lab of the example with one node a region, changed further before it is up, with a few rows."""
    rig = Rig(example)
    try:
        one_node_a_region(rig)
        change(rig)
        rig.up()
        rig.hybridspan("lab", "fill", "--rows", "500")
        yield rig
    finally:
        rig.down()


def one_node_a_region(rig: Rig) -> None:
    """In the topology and in the first region's overrides; before the lab is up."""
    text = rig.topology.read_text()
    for old, new in FEWER:
        assert old in text
        text = text.replace(old, new)
    rig.topology.write_text(text)
    overrides = rig.directory / "overrides_apigee-eastus.yaml"
    assert "replicaCount: 3" in overrides.read_text()
    overrides.write_text(overrides.read_text().replace("replicaCount: 3", "replicaCount: 1"))


def add_below(rig: Rig, *additions: tuple[str, str]) -> None:
    """Lines of the topology, each there once, with further ones below them."""
    text = rig.topology.read_text()
    for line, more in additions:
        assert text.count(line) == 1, line
        text = text.replace(line, f"{line}{more}")
    rig.topology.write_text(text)
