"""From differences to the repairs that mend them: no more than what differs, and nothing twice."""

from __future__ import annotations

from hybridspan.verification.mending import MOST_RANGES, by_node, mends
from hybridspan.verification.model import Difference, KeyspaceVerdict, VerificationResult

A, B = "192.138.0.9", "192.138.0.10"


def result(*differences: Difference, datacenter: str = "dc-2") -> VerificationResult:
    verdict = KeyspaceVerdict("kms", "different", "app differs", differences)
    return VerificationResult(
        datacenter, "dc-1", (), (verdict, KeyspaceVerdict("kvm", "same", "96 ranges compared"))
    )


def test_each_range_is_repaired_once_through_the_first_node_named() -> None:
    differing = result(Difference(A, "(-5,7]", "kms.app"), Difference(B, "(-5,7]", "kms.app"))
    (mend,) = mends([differing, result(Difference(B, "(-5,7]", "kms.app"), datacenter="dc-3")])
    assert (mend.node, mend.arguments) == (A, ("repair", "-full", "-st", "-5", "-et", "7", "kms", "app"))
    assert mend.reason == "kms.app: range (-5,7] through 192.138.0.9"


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
