"""What a node has received, from looks that each show only what is under way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.cassandra.rebuilding import rebuild_jobs
from hybridspan.cassandra.streaming import Meter, readable_bytes, readable_seconds
from hybridspan.facts.cassandra import StreamProgress

STREAM = StreamProgress("120.38.1.9", "plan-1", "Rebuild", 1, 4, 100, 400)


def test_what_has_ended_is_kept() -> None:
    meter = Meter(1000)
    meter.look(0.0, [STREAM])
    meter.look(5.0, [replace(STREAM, plan="plan-2", bytes=50)])
    assert meter.received().bytes == 150
    assert meter.received().bytes_expected == 1000


def test_bytes_that_do_not_move_are_seen_as_such() -> None:
    meter = Meter(0)
    meter.look(0.0, [STREAM], "kms")
    meter.look(5.0, [STREAM], "kms")
    assert meter.moved_at == 0.0
    meter.look(9.0, [replace(STREAM, bytes=101)], "kms")
    assert meter.moved_at == 9.0


def test_a_keyspace_that_ended_is_movement_too() -> None:
    meter = Meter(0)
    meter.look(0.0, [], ())
    meter.look(7.0, [], ("kms",))
    assert meter.moved_at == 7.0


def test_the_time_left_follows_the_rate() -> None:
    meter = Meter(400)
    meter.look(0.0, [STREAM])
    received = meter.look(10.0, [replace(STREAM, bytes=300)])
    assert received.bytes_per_second == pytest.approx(20.0)
    assert received.seconds_left == pytest.approx(5.0)
    assert received.fraction == pytest.approx(0.75)


def test_nothing_is_foretold_from_next_to_nothing() -> None:
    meter = Meter(10**9)
    meter.look(0.0, [STREAM])
    assert meter.look(10.0, [replace(STREAM, bytes=300)]).seconds_left is None


def test_each_keyspace_is_a_command_unless_all_may_go_at_once() -> None:
    assert [j.arguments for j in rebuild_jobs(["kms"], "dc-1", at_once=False)] == [
        ("rebuild", "-ks", "kms", "--", "dc-1")
    ]
    assert [j.arguments for j in rebuild_jobs(["kms", "kvm"], "dc-1", at_once=True)] == [
        ("rebuild", "--", "dc-1")
    ]


@pytest.mark.parametrize(("count", "text"), [(5, "5 B"), (1536, "1.5 KiB"), (3 * 1024**4, "3.0 TiB")])
def test_bytes_are_readable(count: int, text: str) -> None:
    assert readable_bytes(count) == text


@pytest.mark.parametrize(("count", "text"), [(12, "12 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")])
def test_times_are_readable(count: int, text: str) -> None:
    assert readable_seconds(count) == text
