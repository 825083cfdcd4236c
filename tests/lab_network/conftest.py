"""The tests of real networks fail, and do not skip, where the fall-back on loopback addresses is in use."""

from __future__ import annotations

import pytest

from hybridspan_lab.network.mode import NOTICE, chosen, wish


@pytest.fixture(scope="session")
def real_networks() -> None:
    assert chosen(wish()) == "namespaces", NOTICE
