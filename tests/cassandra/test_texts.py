"""nodetool's texts, recorded from real nodes, read as values."""

from __future__ import annotations

import pytest

from hybridspan.cassandra.texts import (
    parse_netstats,
    parse_previews,
    parse_size,
    parse_status,
    repair_succeeded,
    running_operations,
)
from tests.cassandra.recordings import recorded


def test_status_tells_every_node_of_both_data_centers() -> None:
    nodes = parse_status(recorded("status"))
    assert [(n.address, n.datacenter) for n in nodes] == [
        ("120.38.1.9", "dc-1"),
        ("120.38.1.10", "dc-1"),
        ("192.138.0.9", "dc-2"),
        ("192.138.0.10", "dc-2"),
    ]
    assert all(n.is_up_normal and n.tokens == 16 for n in nodes)


def test_status_tells_who_is_down() -> None:
    down = [n.address for n in parse_status(recorded("status_down")) if not n.is_up_normal]
    assert down == ["120.38.1.9"]


def test_a_load_that_is_not_known_yet_is_none() -> None:
    text = recorded("status").replace("29.82 MiB", "?        ")
    assert parse_status(text)[0].load_bytes is None


def test_a_joining_node_is_no_normal_member() -> None:
    assert not parse_status(recorded("status").replace("UN  120.38.1.9 ", "UJ  120.38.1.9 "))[0].is_up_normal


def test_a_status_without_nodes_is_refused() -> None:
    with pytest.raises(ValueError, match="shows no node"):
        parse_status("error: No nodes present in the cluster")


@pytest.mark.parametrize(
    ("text", "size"),
    [("69.07 KiB", 70728), ("29.667MiB", 31108104), ("0.000KiB", 0), ("?", None), ("1 bytes", 1)],
)
def test_sizes_are_read_with_their_units(text: str, size: int | None) -> None:
    assert parse_size(text) == size


def test_netstats_tells_bytes_and_files_by_peer() -> None:
    streams = parse_netstats(recorded("netstats_rebuild"))
    assert [(s.peer, s.files, s.files_total, s.bytes, s.bytes_total) for s in streams] == [
        ("120.38.1.10", 1, 2, 5927818, 16723410),
        ("120.38.1.9", 0, 2, 5958756, 14470229),
    ]
    assert {s.operation for s in streams} == {"Rebuild"}


def test_netstats_of_an_idle_node_is_empty() -> None:
    assert parse_netstats(recorded("netstats_idle")) == ()
    assert running_operations(recorded("netstats_idle")) == frozenset()


def test_a_running_rebuild_is_seen_in_netstats() -> None:
    assert running_operations(recorded("netstats_rebuild")) == {"Rebuild"}


def test_replicas_in_sync_were_compared_range_by_range() -> None:
    (preview,) = parse_previews(recorded("preview_in_sync"), "kms_hybrid")
    assert preview.in_sync
    assert preview.ranges == 64


def test_empty_replicas_differ_in_every_range() -> None:
    (preview,) = parse_previews(recorded("preview_empty_replicas"))
    assert not preview.in_sync
    assert {(p.table, p.ranges) for p in preview.differences} == {("app", 64)}
    towards = [
        p.bytes for p in preview.differences if (p.source, p.destination) == ("120.38.1.9", "192.138.0.9")
    ]
    assert towards == [parse_size("29.668MiB")]


def test_one_missing_row_differs_in_one_range() -> None:
    (preview,) = parse_previews(recorded("preview_one_row_missing"))
    assert {(p.table, p.ranges) for p in preview.differences} == {("app", 1), ("small", 1)}
    assert all("192.138.0.10" in (p.source, p.destination) for p in preview.differences)


def test_one_output_may_tell_of_several_keyspaces() -> None:
    verdicts = {p.keyspace: p.in_sync for p in parse_previews(recorded("preview_all"))}
    assert verdicts == {"system_auth": True, "system_traces": True, "kms_hybrid": False, "perses": True}


def without(text: str, *words: str) -> str:
    return "\n".join(line for line in text.splitlines() if not any(word in line for word in words))


def test_a_verdict_is_never_taken_for_another_keyspaces() -> None:
    """The end of kms and the beginning of perses are lost: the "in sync" of perses must not become that of kms."""
    text = without(
        recorded("preview_all"), "Repair command #92 finished", "#93 (", "Total estimated", "kms_hybrid."
    )
    assert "kms_hybrid" in text
    assert {p.keyspace for p in parse_previews(text)} == {"system_auth", "system_traces"}


def test_a_keyspace_whose_end_is_lost_leaves_the_next_one_readable() -> None:
    text = without(recorded("preview_all"), "Repair command #92 finished")
    assert {p.keyspace: p.in_sync for p in parse_previews(text)}["perses"]
    assert "kms_hybrid" not in {p.keyspace for p in parse_previews(text)}


def test_a_preview_that_was_cut_short_has_no_verdict() -> None:
    text = recorded("preview_in_sync").split("[", 4)[2]
    with pytest.raises(ValueError, match="did not complete"):
        parse_previews(text, "kms_hybrid")


def test_a_preview_whose_first_line_was_lost_is_known_by_what_was_asked() -> None:
    """The recording is such a one: nodetool began to listen too late."""
    assert "Starting repair command" not in recorded("preview_in_sync")
    assert parse_previews(recorded("preview_in_sync")) == ()


def test_a_preview_whose_verdict_was_lost_is_refused() -> None:
    text = recorded("preview_in_sync").replace("Previewed data was in sync", "")
    with pytest.raises(ValueError, match="no verdict"):
        parse_previews(text, "kms_hybrid")


def test_a_failed_session_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="did not complete"):
        parse_previews(recorded("preview_in_sync").replace("finished (progress", "failed (progress"), "kms")


def test_a_single_replica_has_nothing_to_be_compared_with() -> None:
    (preview,) = parse_previews(
        "[t] Replication factor is 1. No repair is needed for keyspace 'system_auth'\n"
    )
    assert preview.in_sync
    assert preview.nothing_to_compare


def test_a_repair_succeeds_by_its_words() -> None:
    assert repair_succeeded(recorded("repair"))
    assert not repair_succeeded("[t] Repair command #1 finished with error")
