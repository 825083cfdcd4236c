"""When a data center was last repaired, by the rows of Cassandra's history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hybridspan.cassandra.ranges import TokenRange
from hybridspan.cassandra.repairs import last_repairs

RING = (TokenRange(0, 100), TokenRange(100, 0))
TABLES = {"kms": ("app", "app_credentials")}


def row(at: int, ranges: list[str], **changes: Any) -> dict[str, Any]:
    options = {"dataCenters": "[]", "hosts": "[]", "incremental": "false", **changes.pop("options", {})}
    return {
        "keyspace_name": "kms",
        "started_at": datetime.fromtimestamp(at, UTC),
        "finished_at": datetime.fromtimestamp(at + 5, UTC),
        "exception_message": None,
        "options": options,
        "successful_ranges": ranges,
        "columnfamily_names": {"app", "app_credentials"},
        **changes,
    }


WHOLE = ["(0,100]", "(100,0]"]


def test_a_whole_repair_counts_from_its_start() -> None:
    assert last_repairs([row(1000, WHOLE)], "dc-1", RING, TABLES) == {"kms": 1000.0}


def test_parts_count_together_since_the_oldest_that_is_needed() -> None:
    rows = [row(1000, ["(0,100]"]), row(2000, ["(100,0]"]), row(3000, ["(0,100]"])]
    assert last_repairs(rows, "dc-1", RING, TABLES) == {"kms": 2000.0}


def test_a_part_alone_is_no_repair() -> None:
    assert last_repairs([row(1000, ["(0,100]"])], "dc-1", RING, TABLES) == {}


def test_failures_unfinished_ones_and_previews_do_not_count() -> None:
    rows = [
        row(1, WHOLE, exception_message="boom"),
        row(2, WHOLE, finished_at=None),
        row(3, WHOLE, options={"previewKind": "ALL"}),
        row(4, WHOLE, options={"incremental": "true"}),
        row(5, WHOLE, options={"hosts": "[120.38.1.9]"}),
        row(6, None or []),
        row(7, [""]),
        row(8, WHOLE, columnfamily_names=None),
    ]
    assert last_repairs(rows, "dc-1", RING, TABLES) == {}


def test_a_repair_of_another_data_center_does_not_count() -> None:
    rows = [
        row(1, WHOLE, options={"dataCenters": "[dc-2]"}),
        row(2, WHOLE, options={"dataCenters": "[dc-1, dc-3]"}),
    ]
    assert last_repairs(rows, "dc-1", RING, TABLES) == {"kms": 2.0}


def test_a_repair_of_one_table_is_none_of_its_keyspace() -> None:
    """As `nodetool repair -full kms app_credentials` leaves it, and `verify --repair`: the ranges are the whole ring all the same."""
    one = row(2000, WHOLE, columnfamily_names={"app_credentials"})
    assert last_repairs([one], "dc-1", RING, TABLES) == {}
    assert last_repairs([row(1000, WHOLE), one], "dc-1", RING, TABLES) == {"kms": 1000.0}


def test_repairs_of_single_tables_count_together_since_the_oldest_of_them() -> None:
    rows = [
        row(3000, WHOLE, columnfamily_names={"app"}),
        row(2000, ["(0,100]"], columnfamily_names={"app_credentials"}),
        row(2500, ["(100,0]"], columnfamily_names={"app_credentials"}),
    ]
    assert last_repairs(rows, "dc-1", RING, TABLES) == {"kms": 2000.0}


def test_a_table_that_came_after_the_last_repair_has_never_been_repaired() -> None:
    later = {"kms": (*TABLES["kms"], "developer"), "perses": ("data",)}
    assert last_repairs([row(1000, WHOLE)], "dc-1", RING, later) == {}


def test_a_table_that_is_gone_is_asked_nothing() -> None:
    assert last_repairs([row(1000, WHOLE)], "dc-1", RING, {"kms": ("app",)}) == {"kms": 1000.0}
    assert last_repairs([row(1000, WHOLE)], "dc-1", RING, {}) == {}
