"""The job that makes Apigee's users, cut off at every statement: the next start of it ends what the first began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cassandra import AuthenticationFailed, OperationTimedOut

from hybridspan_lab.cassandra import user_setup
from hybridspan_lab.cassandra.session import Login, PodSurroundings

PARTS = ("admin", "ddl", "dml", "default")


class Ring:
    """Knows who may log in, and loses a request after so many."""

    def __init__(self) -> None:
        self.statements: set[str] = set()
        self.left = 1000

    @contextmanager
    def connect(self, _: object, login: Login, *, one_node: bool = False) -> Iterator[Any]:
        made = any(f'CREATE ROLE IF NOT EXISTS "{login.user}"' in statement for statement in self.statements)
        changed = any("ALTER ROLE cassandra" in statement for statement in self.statements)
        first = login.user == "cassandra" and login.password == ("of-default" if changed else "cassandra")
        if not (made or first):
            raise AuthenticationFailed("Provided username and/or password are incorrect")
        yield self

    def execute(self, statement: str) -> None:
        if statement.startswith("SELECT"):
            return
        self.left -= 1
        if self.left < 0:
            raise OperationTimedOut
        self.statements.add(statement)


@pytest.fixture
def surroundings(tmp_path: Path) -> PodSurroundings:
    for part in PARTS:
        (tmp_path / f"{part}.user").write_text(f"{part}_user")
        (tmp_path / f"{part}.password").write_text(f"of-{part}")
    return PodSurroundings("host", "dc-1", "hybrid-test-7", 3, tmp_path, tmp_path)


@pytest.mark.parametrize("lost_after", range(5))
def test_a_job_that_was_cut_off_is_ended_by_the_next(
    surroundings: PodSurroundings, monkeypatch: pytest.MonkeyPatch, lost_after: int
) -> None:
    ring = Ring()
    monkeypatch.setattr(user_setup, "connect", ring.connect)
    monkeypatch.setattr(PodSurroundings, "from_environment", lambda: surroundings)
    monkeypatch.setenv("SYSTEM_KEYSPACES", "simple")
    ring.left = lost_after
    assert user_setup.main() == 1
    ring.left = 1000
    assert user_setup.main() == 0
    assert [sum(word in s for s in ring.statements) for word in ("CREATE ROLE", "GRANT", "ALTER ROLE")] == [
        3,
        1,
        1,
    ]
    ring.left = 0
    assert user_setup.main() == 0, "in a ring that has them it changes nothing"
