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
    """Knows who may log in, and loses a request after so many; the other nodes are seen a look later."""

    def __init__(self) -> None:
        self.statements: set[str] = set()
        self.left = 1000
        self.unknown: set[tuple[str, str]] = set()
        """The nodes, each with a user whom it does not find until he is made once more."""
        self.peers: list[str] = []

    @contextmanager
    def connect(self, around: PodSurroundings, login: Login, *, one_node: bool = False) -> Iterator[Any]:
        if (around.host, login.user) in self.unknown:
            raise AuthenticationFailed("Provided username and/or password are incorrect")
        made = any(f'CREATE ROLE IF NOT EXISTS "{login.user}"' in statement for statement in self.statements)
        changed = any("ALTER ROLE cassandra" in statement for statement in self.statements)
        first = login.user == "cassandra" and login.password == ("of-default" if changed else "cassandra")
        if not (made or first):
            raise AuthenticationFailed("Provided username and/or password are incorrect")
        yield self

    def execute(self, statement: str) -> list[str]:
        if statement.startswith("SELECT"):
            seen, self.peers = self.peers, ["10.0.0.2", "10.0.0.3"]
            return seen
        if statement in self.statements:
            self.unknown.clear()
        assert self.peers, "no user is made before all nodes are members"
        self.left -= 1
        if self.left < 0:
            raise OperationTimedOut
        self.statements.add(statement)
        return []


@pytest.fixture
def surroundings(tmp_path: Path) -> PodSurroundings:
    for part in PARTS:
        (tmp_path / f"{part}.user").write_text(f"{part}_user")
        (tmp_path / f"{part}.password").write_text(f"of-{part}")
    return PodSurroundings("host", "dc-1", "hybrid-test-7", 3, tmp_path, tmp_path)


@pytest.fixture
def ring(surroundings: PodSurroundings, monkeypatch: pytest.MonkeyPatch) -> Ring:
    made = Ring()
    monkeypatch.setattr(user_setup, "connect", made.connect)
    monkeypatch.setattr(user_setup, "addresses", lambda _: ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
    monkeypatch.setattr(PodSurroundings, "from_environment", lambda: surroundings)
    monkeypatch.setenv("SYSTEM_KEYSPACES", "simple")
    return made


@pytest.mark.parametrize("user", ["admin_user", "ddl_user", "dml_user"])
def test_a_user_whom_one_node_does_not_find_is_made_again(
    ring: Ring, user: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when it was made through a node that did not see the others yet."""
    ring.unknown = {("10.0.0.3", user)}
    assert user_setup.main() == 1
    assert "not every node knows the users yet" in capsys.readouterr().err
    assert user_setup.main() == 0
    assert "users created" in capsys.readouterr().out


@pytest.mark.parametrize("lost_after", range(5))
def test_a_job_that_was_cut_off_is_ended_by_the_next(ring: Ring, lost_after: int) -> None:
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
