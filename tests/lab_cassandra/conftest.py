"""What real nodes have in common: the folder with their users."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab_cassandra.nodes import USERS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cassandra")
    (folder / "credentials").mkdir()
    for part, user in USERS.items():
        (folder / "credentials" / f"{part}.user").write_text(user)
        (folder / "credentials" / f"{part}.password").write_text(f"of-{part}")
    return folder
