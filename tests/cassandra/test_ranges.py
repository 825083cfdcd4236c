"""Who owns which ranges, and what a record of ranges covers."""

from __future__ import annotations

import struct

import pytest

from hybridspan.cassandra.ranges import (
    HIGHEST,
    LOWEST,
    TokenOwner,
    TokenRange,
    covering,
    decode_range,
    owned,
    parse_range,
    primaries,
    replicas,
    uncovered,
)

OWNERS = (
    TokenOwner("a", "dc-1", "ra-1", (0, 300)),
    TokenOwner("b", "dc-1", "ra-1", (100, 400)),
    TokenOwner("c", "dc-1", "ra-1", (200, 500)),
    TokenOwner("x", "dc-2", "ra-1", (50,)),
)


def test_one_replica_is_the_next_owner_around_the_ring() -> None:
    placed = replicas(OWNERS, "dc-1", 1)
    assert placed[TokenRange(0, 50)] == ("b",)
    assert placed[TokenRange(500, 0)] == ("a",)


def test_every_node_holds_everything_when_there_are_as_many_replicas() -> None:
    placed = replicas(OWNERS, "dc-1", 3)
    assert all(set(holders) == {"a", "b", "c"} for holders in placed.values())
    assert covering(placed) == ("a",)


def test_more_replicas_than_nodes_are_as_many_as_nodes() -> None:
    assert set(replicas(OWNERS, "dc-2", 3).values()) == {("x",)}


def test_racks_are_filled_one_after_the_other() -> None:
    owners = (
        TokenOwner("a", "dc-1", "r1", (0,)),
        TokenOwner("b", "dc-1", "r1", (100,)),
        TokenOwner("c", "dc-1", "r2", (200,)),
    )
    assert replicas(owners, "dc-1", 2)[TokenRange(200, 0)] == ("a", "c")


def test_a_rack_repeats_only_when_there_are_too_few() -> None:
    owners = (
        TokenOwner("a", "d", "r1", (0,)),
        TokenOwner("b", "d", "r1", (100,)),
        TokenOwner("c", "d", "r2", (200,)),
    )
    assert replicas(owners, "d", 3)[TokenRange(200, 0)] == ("a", "b", "c")


def test_one_replica_needs_every_node_to_cover_the_ring() -> None:
    assert set(covering(replicas(OWNERS, "dc-1", 1))) == {"a", "b", "c"}


def test_a_data_center_without_nodes_covers_nothing() -> None:
    assert covering(replicas(OWNERS, "dc-9", 3)) == ()


def test_owned_ranges_of_all_nodes_are_the_ring() -> None:
    placed = replicas(OWNERS, "dc-1", 1)
    assert {r for a in "abc" for r in owned(placed, a)} == set(placed)


@pytest.mark.parametrize(
    ("wanted", "having", "missing"),
    [
        ([TokenRange(0, 10)], [TokenRange(0, 5), TokenRange(5, 10)], 0),
        ([TokenRange(0, 10)], [TokenRange(0, 5), TokenRange(6, 10)], 1),
        ([TokenRange(90, -90)], [TokenRange(90, HIGHEST), TokenRange(LOWEST, -90)], 0),
        ([TokenRange(90, -90)], [TokenRange(90, LOWEST), TokenRange(LOWEST, -90)], 0),
        ([TokenRange(90, -90)], [TokenRange(90, HIGHEST)], 1),
        ([TokenRange(1, 2)], [], 1),
    ],
)
def test_ranges_are_covered_by_others_together(wanted, having, missing) -> None:
    assert len(uncovered(wanted, having)) == missing


def test_a_progress_record_is_decoded() -> None:
    content = struct.pack(">iiqiq", 0, 8, -5, 8, 77)
    assert decode_range(content) == TokenRange(-5, 77)


def test_what_is_no_murmur_range_is_refused() -> None:
    with pytest.raises(ValueError, match="28 bytes"):
        decode_range(b"\x00" * 20)
    with pytest.raises(ValueError, match="Murmur3"):
        decode_range(struct.pack(">iiqiq", 0, 16, 1, 8, 2))


def test_a_range_reads_back_as_it_is_written() -> None:
    assert parse_range(TokenRange(-9, 12).text()) == TokenRange(-9, 12)


def test_the_primary_of_a_range_is_the_next_node_of_a_data_center_that_holds_it() -> None:
    owners = [
        TokenOwner("a", "dc-1", "ra-1", (0, 30)),
        TokenOwner("b", "dc-2", "ra-1", (10,)),
        TokenOwner("c", "dc-3", "ra-1", (20,)),
    ]
    ranges = [TokenRange(30, 0), TokenRange(0, 10), TokenRange(10, 20), TokenRange(20, 30)]
    assert primaries(owners, ("dc-1", "dc-2")) == dict(zip(ranges, ("a", "b", "a", "a"), strict=True))
    assert set(primaries(owners, ()).values()) == {""}
