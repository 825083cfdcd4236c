"""An example with one Cassandra node a region, for rehearsals that are about the way between nodes, not about data."""

from __future__ import annotations

from tests.rehearsal.rig import Rig

FEWER = (
    ("replicationFactor: 3", "replicationFactor: 1"),
    ("cassandraNodes: 3", "cassandraNodes: 1"),
    ("count: 3", "count: 1"),
)


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
