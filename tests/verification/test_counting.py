"""The slices of a count: together they are the whole ring, and no row is in two."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hybridspan.verification.counting import slices


@pytest.mark.parametrize("count", [1, 7, 16])
def test_slices_touch_and_cover_every_token(count: int) -> None:
    found = list(slices(count))
    assert len(found) == count
    assert found[0][0] == -(2**63)
    assert found[-1][1] == 2**63 - 1
    assert all(left < right for left, right in found)
    assert all(before[1] == after[0] for before, after in pairwise(found))
