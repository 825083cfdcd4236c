from __future__ import annotations

import pytest

from hybridspan.apigee.quantities import quantity


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("10Gi", 10 * 1024**3),
        ("500G", 500 * 10**9),
        ("1.5Ti", 3 * 1024**4 // 2),
        ("512Ki", 512 * 1024),
        ("1e12", 10**12),
        (1024, 1024),
        ("10 Gi", None),
        ("much", None),
        ("", None),
        (None, None),
    ],
)
def test_amounts_are_read_as_kubernetes_writes_them(written, size) -> None:
    assert quantity(written) == size
