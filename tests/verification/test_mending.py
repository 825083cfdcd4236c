"""From differences to the repairs that mend them: no more than what differs, and nothing twice."""

from __future__ import annotations

from collections.abc import Sequence

from hybridspan.cassandra.ranges import TokenOwner, TokenRange, replicas
from hybridspan.verification.mending import MOST_RANGES, Mend, by_node
from hybridspan.verification.mending import mends as mends_in
from hybridspan.verification.model import Difference, KeyspaceVerdict, VerificationResult
from tests.plan_cassandra.world import nts, ring

A, B = "192.138.0.9", "192.138.0.10"
RING = ring({"kms": nts(dc_1=1, dc_2=2), "split": nts(dc_1=3, dc_2=3)}, "dc-1", "dc-2")
WHOLE = (
    TokenOwner("120.38.1.9", "dc-1", "ra-1", (7, *range(MOST_RANGES + 2))),
    TokenOwner(A, "dc-2", "ra-1", (-5, 100)),
    TokenOwner(B, "dc-2", "ra-1", (-6, 101)),
)
"""Every node of dc-2 holds all of kms."""
SIX = tuple(
    TokenOwner(f"{dc}-{n}", dc, "ra-1", (10 * n + i,))
    for n in range(6)
    for i, dc in enumerate(("dc-1", "dc-2"))
)
"""Six nodes a data center: each holds half of what has three replicas there."""


def mends(results: Sequence[VerificationResult], owners: Sequence[TokenOwner] = WHOLE) -> tuple[Mend, ...]:
    return mends_in(results, RING, owners)


def held(node: str) -> set[TokenRange]:
    return {r for dc in ("dc-1", "dc-2") for r, found in replicas(SIX, dc, 3).items() if node in found}


def result(*differences: Difference, datacenter: str = "dc-2") -> VerificationResult:
    verdict = KeyspaceVerdict("kms", "different", "app differs", differences)
    return VerificationResult(
        datacenter, "dc-1", (), (verdict, KeyspaceVerdict("kvm", "same", "96 ranges compared"))
    )


def test_each_range_is_repaired_once_through_the_first_node_named() -> None:
    differing = result(Difference(A, "(-5,0]", "kms.app"), Difference(B, "(-5,0]", "kms.app"))
    (mend,) = mends([differing, result(Difference(B, "(-5,0]", "kms.app"), datacenter="dc-3")])
    assert (mend.node, mend.arguments) == (A, ("repair", "-full", "-st", "-5", "-et", "0", "kms", "app"))
    assert mend.reason == "kms.app: range (-5,0] through 192.138.0.9"


def test_what_differs_nearly_everywhere_is_one_repair_of_the_table() -> None:
    (mend,) = mends([result(Difference(A, "90 of 96 ranges", "kms.app"))])
    assert mend.arguments == ("repair", "-full", "kms", "app")
    assert "90 of 96 ranges differ" in mend.reason


def test_many_ranges_are_one_repair_of_the_table_too() -> None:
    many = [Difference(A, f"({n},{n + 1}]", "kms.app") for n in range(MOST_RANGES + 1)]
    assert [mend.arguments for mend in mends([result(*many)])] == [("repair", "-full", "kms", "app")]


def test_nothing_is_repaired_where_nothing_differs() -> None:
    assert mends([VerificationResult("dc-2", "dc-1", (), (KeyspaceVerdict("kvm", "same", ""),))]) == ()


def test_repairs_go_to_their_nodes_in_order() -> None:
    todo = mends([result(Difference(A, "(1,2]", "kms.app"), Difference(B, "(3,4]", "kms.developer"))])
    assert {node: len(found) for node, found in by_node(todo).items()} == {A: 1, B: 1}


def test_a_range_is_repaired_through_a_node_that_holds_it() -> None:
    """A node that does not hold it refuses: "Nothing to repair"."""
    ranges = sorted(replicas(SIX, "dc-2", 3))
    named = [Difference("dc-2-0", r.text(), "split.app") for r in ranges[:MOST_RANGES]]
    todo = mends([result(*named)], SIX)
    assert len(todo) == len(named)
    for mend, token_range in zip(todo, ranges, strict=False):
        assert token_range in held(mend.node)
        assert mend.node == "dc-2-0" or token_range not in held("dc-2-0")


def test_a_whole_table_is_repaired_through_as_many_nodes_as_hold_all_of_it() -> None:
    todo = mends([result(Difference("dc-2-0", "48 of 48 ranges", "split.app"))], SIX)
    assert {mend.arguments for mend in todo} == {("repair", "-full", "split", "app")}
    assert {mend.node[:4] for mend in todo} == {"dc-2"}
    assert set.union(*(held(mend.node) for mend in todo)) == set(replicas(SIX, "dc-2", 3))


def test_a_range_that_the_ring_no_longer_has_is_mended_with_the_whole_table() -> None:
    (mend,) = mends([result(Difference(B, "(1000,2000]", "kms.app"))])
    assert (mend.node, mend.arguments) == (B, ("repair", "-full", "kms", "app"))
