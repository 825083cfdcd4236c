"""How a comparison ends the step: temporary where a later one may prove it, permanent where replicas differ."""

from __future__ import annotations

from dataclasses import replace

from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.steps.verification import failure
from hybridspan.verification.model import Difference, KeyspaceVerdict, VerificationResult

SAME = KeyspaceVerdict("kms", "same", "96 ranges compared")
BUSY = KeyspaceVerdict("kvm", "unproved", "kvm_entry is written to faster than its ranges can be compared")
LOST = KeyspaceVerdict(
    "perses", "different", "data differs", (Difference("192.138.0.9", "(1,2]", "perses.data"),)
)


def result(*keyspaces: KeyspaceVerdict, problems: tuple[str, ...] = ()) -> VerificationResult:
    return VerificationResult("dc-2", "dc-1", problems, keyspaces)


def test_what_is_the_same_or_can_never_be_compared_ends_well() -> None:
    assert failure(result(SAME), "centralus") is None
    assert failure(replace(result(BUSY), is_comparable=False), "centralus") is None


def test_a_difference_is_permanent_and_named_whatever_else_is_undecided() -> None:
    failed = failure(result(SAME, BUSY, LOST), "centralus")
    assert isinstance(failed, PermanentFailure)
    assert (failed.code, failed.why) == ("HS-VERIFY-004", "192.138.0.9 perses.data (1,2]")


def test_what_could_not_be_told_from_traffic_is_tried_again_later_and_not_mended() -> None:
    failed = failure(result(SAME, BUSY), "centralus")
    assert isinstance(failed, TemporaryFailure)
    assert failed.code == "HS-VERIFY-005"
    assert failed.why == f"kvm: {BUSY.summary}"
    assert "calmer hour" in failed.hint
    assert "--repair" not in failed.hint


def test_a_ring_that_is_not_whole_is_waited_for() -> None:
    failed = failure(result(problems=("192.138.0.9 of dc-2 is DN",)), "centralus")
    assert isinstance(failed, TemporaryFailure)
    assert (failed.code, failed.why) == ("HS-VERIFY-003", "192.138.0.9 of dc-2 is DN")
