"""From previews to verdicts: what settles, what remains, and whom it names."""

from __future__ import annotations

from dataclasses import replace

from hybridspan.cassandra.ranges import TokenOwner, TokenRange
from hybridspan.cassandra.texts import PairDifference, Preview, parse_previews
from hybridspan.verification.comparing import assignments, preview_jobs
from hybridspan.verification.judgement import (
    Suspect,
    differences,
    differences_in,
    guilty,
    matrix_problems,
    placement,
    ring_problems,
    still,
    suspects,
    too_busy,
    verdict,
)
from hybridspan.verification.model import Difference, KeyspaceVerdict, VerificationResult
from tests.cassandra.recordings import recorded
from tests.plan_cassandra.world import AFTER, BEFORE, nts, ring, simple, two_regions

CENTRALUS = two_regions().region("centralus")
A, B, X = "120.38.1.9", "120.38.1.10", "192.138.0.10"


def found(name: str):
    return suspects("192.138.0.9", parse_previews(recorded(name)))


def test_one_missing_row_names_the_one_node() -> None:
    assert {guilty(s.pairs) for s in found("preview_one_row_missing")} == {("192.138.0.10",)}


def test_empty_replicas_differ_everywhere_and_are_named_as_receivers() -> None:
    (suspect,) = found("preview_empty_replicas")
    assert suspect.is_everywhere
    assert guilty(suspect.pairs) == ("192.138.0.10", "192.138.0.9")


def test_a_single_range_is_not_everywhere() -> None:
    assert not any(s.is_everywhere for s in found("preview_one_row_missing"))


def test_what_is_the_same_in_one_look_is_no_suspect_any_more() -> None:
    first = found("preview_one_row_missing")
    assert still(first, [s for s in first if s.table == "app"]) == tuple(s for s in first if s.table == "app")
    assert still(first, ()) == ()


def test_what_differs_anew_was_the_same_before() -> None:
    (suspect, _) = found("preview_one_row_missing")
    other = replace(suspect, table="other")
    assert still([suspect], [other]) == ()


def test_a_difference_names_node_range_table_and_bytes() -> None:
    suspect = next(s for s in found("preview_one_row_missing") if s.table == "app")
    (difference,) = differences_in([suspect], ["(1,2]"], {TokenRange(1, 2): (A, B, X)})
    assert (difference.node, difference.token_range, difference.table) == (X, "(1,2]", "kms_hybrid.app")
    assert difference.detail == f"would receive up to 36.6 KiB from {B}, {A}, 192.138.0.9"


def test_without_single_ranges_a_difference_counts_them() -> None:
    (suspect,) = found("preview_empty_replicas")
    assert {d.token_range for d in differences([suspect])} == {"64 of 64 ranges"}


def test_receivers_are_named_where_no_one_node_is_in_every_pair() -> None:
    pairs = (PairDifference("t", A, X, 1, 10), PairDifference("t", B, "y", 1, 10))
    assert guilty(pairs) == (X, "y")


def test_verdicts_say_how_they_came_about() -> None:
    assert verdict("kms", 96, 1, (), [X]).summary == "96 ranges compared through 1 node"
    assert verdict("kms", 96, 3, (), [X]).summary.endswith("after 3 looks")
    assert verdict("kms", 0, 1, (), []).state == "unproved"
    gone = Difference(X, "(1,2]", "kms.app", "")
    assert verdict("kms", 96, 3, [gone], [X]).state == "different"


def test_cassandras_own_history_may_differ() -> None:
    gone = Difference(X, "(1,2]", "system_distributed.repair_history", "")
    assert verdict("system_distributed", 96, 3, [gone], [X]).state == "same"


def test_a_ring_that_is_whole_has_no_problems() -> None:
    assert ring_problems(ring(AFTER, "dc-1", "dc-2"), CENTRALUS, "dc-1") == ()


def test_nodes_that_are_down_or_missing_and_schemas_that_differ_are_problems() -> None:
    seen = ring(AFTER, "dc-1", "dc-2")
    down = replace(seen, nodes=(replace(seen.nodes[0], status="D"), *seen.nodes[1:-1]))
    torn = replace(down, schema_versions={"v1": ("a",), "v2": ("b",)})
    problems = ring_problems(torn, CENTRALUS, "dc-1")
    assert len(problems) == 3
    assert "120.38.1.9 of dc-1 is DN" in problems


def test_keyspaces_that_the_new_data_center_lacks_are_problems() -> None:
    assert len(matrix_problems(ring(BEFORE, "dc-1", "dc-2"), CENTRALUS, "dc-1")) == len(BEFORE)
    assert matrix_problems(ring(AFTER, "dc-1", "dc-2"), CENTRALUS, "dc-1") == ()


def test_a_keyspace_that_only_a_third_data_center_has_is_a_problem() -> None:
    seen = ring({**AFTER, "audit": nts(dc_3=3)}, "dc-1", "dc-2", "dc-3")
    assert matrix_problems(seen, CENTRALUS, "dc-1") == ("audit has 3 replicas in dc-3 and none in dc-2",)


def test_no_data_center_is_proved_while_a_keyspace_is_on_simple_strategy() -> None:
    (problem,) = matrix_problems(ring({**AFTER, "audit": simple(1)}, "dc-1", "dc-2"), CENTRALUS, "dc-1")
    assert "audit is on SimpleStrategy" in problem


OWNERS = tuple(TokenOwner(address, dc, "ra-1", (number * 10,)) for number, (address, dc) in enumerate(
    [("a", "dc-1"), ("x", "dc-2"), ("b", "dc-1"), ("y", "dc-2"), ("z", "dc-2")]
))  # fmt: skip


def test_only_nodes_that_hold_a_range_are_named_for_it() -> None:
    """a lacks a row in one range and z one in another; each node holds only one of the two."""
    first, second = TokenRange(0, 10), TokenRange(10, 20)
    pairs = (PairDifference("app", "x", "a", 1, 10), PairDifference("app", "b", "z", 1, 10))
    found = differences_in(
        [Suspect("kms", "app", pairs, 9, "x"), Suspect("kms", "app", pairs[1:], 9, "b")],
        [first.text(), second.text()],
        {first: ("a", "x"), second: ("b", "z")},
    )
    assert [(d.node, d.token_range) for d in found] == [("a", "(0,10]"), ("z", "(10,20]")]


def test_a_range_that_differs_is_named_though_no_suspect_node_holds_it() -> None:
    pairs = (PairDifference("app", "x", "a", 1, 10),)
    found = differences_in(
        [Suspect("kms", "app", pairs, 9, "x")], ["(0,10]"], {TokenRange(0, 10): ("b", "y")}
    )
    assert [d.node for d in found] == ["b", "y"]


def test_a_range_is_placed_in_every_data_center_that_the_keyspace_names() -> None:
    keyspace = ring({"kms": nts(dc_1=1, dc_2=2)}, "dc-1", "dc-2").keyspace("kms")
    assert keyspace is not None
    assert placement(OWNERS, keyspace)[TokenRange(0, 10)] == ("b", "x", "y")


def test_one_node_compares_what_it_holds_whole_and_all_compare_what_is_split() -> None:
    seen = ring({"kms": nts(dc_1=2, dc_2=3), "system_auth": nts(dc_1=1, dc_2=1)}, "dc-1", "dc-2")
    assigned = assignments(seen, OWNERS, "dc-2", ["kms", "system_auth"])
    assert [names.count("kms") for names in map(list, assigned.values())].count(1) == 1
    assert all("system_auth" in names for names in assigned.values())


def test_one_command_compares_all_keyspaces_of_a_node_that_holds_all() -> None:
    everything = frozenset({"kms", "system_auth"})
    words = ("repair", "--preview", "--full")
    names = ["kms", "system_auth", "system_distributed"]
    jobs = preview_jobs(names, everything, {})
    assert [j.arguments for j in jobs] == [words, (*words, "system_distributed")]
    assert len(preview_jobs(["kms"], everything, {})) == 1
    again = preview_jobs(names, everything, {"kms": (*words, "-seq")})
    assert [j.arguments for j in again] == [
        (*words, "-seq", "kms"),
        (*words, "system_auth"),
        (*words, "system_distributed"),
    ]


def test_a_result_is_proved_only_when_everything_is_the_same() -> None:
    same = KeyspaceVerdict("kms", "same", "")
    assert VerificationResult("dc-2", "dc-1", (), (same,)).is_proved
    assert not VerificationResult("dc-2", "dc-1", ("a node is down",), (same,)).is_proved
    assert not VerificationResult("dc-2", "dc-1", (), (same, KeyspaceVerdict("x", "unproved", ""))).is_proved


def test_a_result_becomes_a_document_with_its_differences() -> None:
    gone = Difference(X, "(1,2]", "kms.app", "24 KiB")
    result = VerificationResult(
        "dc-2", "dc-1", (), (KeyspaceVerdict("kms", "different", "differs", (gone,)),)
    )
    assert result.to_document()["keyspaces"][0]["differences"] == [
        {"node": X, "range": "(1,2]", "table": "kms.app", "detail": "24 KiB"}
    ]
    assert result.has_differences
    assert "kms: differs" in result.sentence()


def test_previews_in_sync_leave_no_suspects() -> None:
    assert suspects("n", [Preview("kms", True, (), 2)]) == ()


def test_traffic_that_cannot_be_told_from_a_difference_proves_nothing_and_accuses_nobody() -> None:
    pair = PairDifference("kvm_entry", "120.38.1.9", "192.138.0.9", 90, 2048)
    found = too_busy("kvm", [Suspect("kvm", "kvm_entry", (pair,), 1536, "192.138.0.9")])
    assert (found.state, found.differences) == ("unproved", ())
    assert "kvm_entry is written to faster" in found.summary
    assert "calmer hour" in found.summary
