"""Rows of Cassandra's own tables as facts."""

from __future__ import annotations

from dataclasses import replace

from hybridspan.cassandra.ring import (
    read_keyspaces,
    read_members,
    read_owners,
    read_releases,
    read_replication,
    read_schema_versions,
)

NTS = "org.apache.cassandra.locator.NetworkTopologyStrategy"
LOCAL = {
    "broadcast_address": "120.38.1.9", "host_id": "h1", "data_center": "dc-1", "rack": "ra-1", "schema_version": "v1", "tokens": ["5", "-3"],
}  # fmt: skip
PEER = {
    "peer": "192.138.0.9",
    "host_id": "h2",
    "data_center": "dc-2",
    "rack": "ra-1",
    "schema_version": "v1",
    "tokens": ["9"],
    "written": 2000,
}
GHOST = {
    "peer": "192.138.0.10",
    "host_id": None,
    "data_center": None,
    "rack": None,
    "schema_version": None,
    "tokens": None,
    "written": None,
}


def test_replication_is_read_whatever_the_strategy() -> None:
    assert dict(read_replication({"class": NTS, "dc-1": "3", "dc-2": "3/1"}).factors) == {
        "dc-1": 3,
        "dc-2": 3,
    }
    simple = read_replication(
        {"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": "2"}
    )
    assert (simple.strategy, dict(simple.factors)) == ("SimpleStrategy", {"": 2})


def test_keyspaces_come_with_their_tables() -> None:
    (found,) = read_keyspaces(
        [{"keyspace_name": "kms", "replication": {"class": NTS, "dc-1": "3"}}],
        [{"keyspace_name": "kms", "table_name": "app"}, {"keyspace_name": "other", "table_name": "t"}],
    )
    assert found.tables == ("app",)


def test_members_without_a_data_center_are_not_members_yet() -> None:
    assert [n.address for n in read_members(LOCAL, [PEER, GHOST])] == ["120.38.1.9", "192.138.0.9"]
    assert [o.tokens for o in read_owners(LOCAL, [PEER, GHOST])] == [(-3, 5), (9,)]


def test_a_node_that_restarted_under_another_address_is_one_member() -> None:
    """Cassandra forgets the address of before only half a minute later."""
    before = {**PEER, "peer": "192.138.0.7", "written": 1000, "schema_version": "v0"}
    itself = {**PEER, "peer": "120.38.1.7", "host_id": "h1", "data_center": "dc-1", "written": 3000}
    for peers in ([before, PEER, itself], [PEER, itself, before]):
        members = read_members(LOCAL, peers)
        assert [(n.address, n.host_id) for n in members] == [("120.38.1.9", "h1"), ("192.138.0.9", "h2")]
        assert [o.address for o in read_owners(LOCAL, peers)] == ["120.38.1.9", "192.138.0.9"]
        assert set(read_schema_versions(members, LOCAL, peers)) == {"v1"}


def test_a_row_that_is_still_being_written_is_no_member() -> None:
    for part in ("host_id", "data_center", "rack"):
        assert len(read_members(LOCAL, [{**PEER, part: None}])) == 1


def test_a_node_that_is_down_is_unreachable_whatever_version_it_had() -> None:
    here, there = read_members(LOCAL, [PEER])
    versions = read_schema_versions([here, replace(there, status="D")], LOCAL, [PEER])
    assert versions == {"v1": ("120.38.1.9",), "UNREACHABLE": ("192.138.0.9",)}


def test_a_member_that_has_told_nothing_yet_does_not_agree() -> None:
    here, there = read_members(LOCAL, [PEER])
    assert set(read_schema_versions([here, there], LOCAL, [])) == {"v1", "UNKNOWN"}


def test_releases_are_those_of_members() -> None:
    peers = [{**PEER, "release_version": "4.0.17"}, GHOST]
    found = read_releases({**LOCAL, "release_version": "4.0.18"}, peers)
    assert found == {"4.0.18": ("120.38.1.9",), "4.0.17": ("192.138.0.9",)}
