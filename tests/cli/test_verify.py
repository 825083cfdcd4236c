"""`hybridspan verify` without a ring: what it shows and keeps when a comparison, a count or a repair does not succeed."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
from click.testing import CliRunner, Result

from hybridspan.cli.verify import verify
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.verification.counting import Counted
from hybridspan.verification.model import Difference, KeyspaceVerdict, VerificationResult
from tests.engine.conftest import TurnedClock

EXAMPLE = Path(__file__).parents[2] / "examples" / "three-regions"
SAME = KeyspaceVerdict("kms", "same", "96 ranges compared through 1 node")
DIFFERENT = KeyspaceVerdict(
    "kms", "different", "kms.app differs", (Difference("192.138.0.9", "9 of 9 ranges", "kms.app"),)
)
Answer = KeyspaceVerdict | HybridspanError


class World:
    """A ring that gives these answers, one a comparison."""

    def __init__(self, directory: Path) -> None:
        self.file = Path(shutil.copytree(EXAMPLE, directory / "work")) / "hybrid.yaml"
        self.answers: list[Answer] = []
        self.mended: list[Any] = []
        self.failures: list[HybridspanError] = []
        """What the next repairs end with."""
        self.proofs: list[str] = []
        self.count: Counted | HybridspanError = Counted({"kms": 7}, {})

    def estate(self, topology: Any, **_: Any) -> Any:
        return Estate(topology)

    async def compare(self, target: Any, source: Any, *_: Any) -> VerificationResult:
        answer = self.answers.pop(0)
        if isinstance(answer, HybridspanError):
            raise answer
        return VerificationResult(target.region.datacenter, source.region.datacenter, (), (answer,))

    async def mend(self, _: Any, todo: Any, __: Any, *, since: float) -> None:
        self.mended.append(tuple(todo))
        if self.failures:
            raise self.failures.pop(0)

    async def count_rows(self, *_: Any) -> Counted:
        if isinstance(self.count, HybridspanError):
            raise self.count
        return self.count

    async def keep_proof(self, _: Any, region: Any) -> None:
        self.proofs.append(region.datacenter)

    def verify(self, *options: str) -> Result:
        return CliRunner().invoke(verify, [str(self.file), *options], standalone_mode=False)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        (path,) = self.file.parent.glob(".hybridspan/*/journal.sqlite")
        with sqlite3.connect(path) as journal:
            return journal.execute(query).fetchall()


class Estate:
    """Regions that only have their names."""

    def __init__(self, topology: Any) -> None:
        self.topology = topology
        self.clock = TurnedClock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def cassandra(self, region: Any) -> Any:
        async def nothing() -> Any:
            return SimpleNamespace(keyspace=lambda _: None)

        return SimpleNamespace(region=region, members=nothing, owners=nothing)

    async def cassandras(self, seen_from: Any) -> tuple[Any, ...]:
        return (seen_from,)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    found = World(tmp_path)
    places: dict[str, Callable[..., Any]] = {
        "hybridspan.observation.estate.Estate": found.estate,
        "hybridspan.observation.proofs.keep_proof": found.keep_proof,
        "hybridspan.verification.counting.count_rows": found.count_rows,
        "hybridspan.verification.comparing.verify": found.compare,
        "hybridspan.steps.mending.mend": found.mend,
    }
    for place, stand_in in places.items():
        monkeypatch.setattr(place, stand_in)
    return found


BUSY = TemporaryFailure("HS-KUBE-002", "the API server does not answer", where="eastus", why="HTTP 503")
BROKEN = PermanentFailure("HS-X-001", "the ring is gone", where="westeurope")


def test_a_comparison_that_fails_ends_in_the_journal_and_shows_what_was_compared_before(world: World) -> None:
    world.answers = [SAME, BROKEN]
    done = world.verify("--json")
    assert done.exception is BROKEN
    assert "proved     kms: 96 ranges compared through 1 node" in done.stderr
    assert done.stdout == ""
    assert world.rows("SELECT kind, outcome, message FROM runs") == [
        ("verify", "failed", f"PermanentFailure: {BROKEN}")
    ]


def test_a_repair_that_fails_ends_in_the_journal(world: World) -> None:
    world.answers, world.failures = [DIFFERENT, SAME], [BROKEN]
    assert world.verify("--repair", "--yes").exception is BROKEN
    assert world.rows("SELECT kind, outcome FROM runs") == [("verify", "done"), ("verify --repair", "failed")]


def test_what_was_repaired_is_compared_again(world: World) -> None:
    world.answers = [DIFFERENT, SAME, SAME, SAME]
    done = world.verify("--repair", "--yes")
    assert (done.return_value, done.exception) == (0, None)
    assert [[m.arguments for m in todo] for todo in world.mended] == [[("repair", "-full", "kms", "app")]]
    assert {outcome for (outcome,) in world.rows("SELECT outcome FROM runs")} == {"done"}


def test_what_could_not_be_counted_stands_beside_the_verdict(world: World) -> None:
    world.answers, world.count = [SAME, SAME], Counted({}, {"kms": "the node is busy (HS-CASS-005)"})
    done = world.verify("--count")
    assert (done.return_value, done.exception) == (0, None)
    assert "1 node; not counted in dc-1: the node is busy (HS-CASS-005); not counted in dc-2: " in done.stdout
    assert "Proved: dc-2, dc-3 hold what the others hold." in done.stdout


def test_rows_are_counted_when_the_proof_has_been_kept(world: World) -> None:
    world.answers, world.count = [SAME], BROKEN
    done = world.verify("--count")
    assert done.exception is BROKEN
    assert world.proofs == ["dc-2"]
    assert "proved     kms: 96 ranges compared through 1 node" in done.stderr
    assert len(world.rows("SELECT 1 FROM events WHERE kind = 'verification'")) == 1


def test_the_rows_that_were_counted_are_recorded_too(world: World) -> None:
    world.answers = [SAME, SAME]
    assert world.verify("--count").return_value == 0
    *_, (last,) = world.rows("SELECT document FROM events WHERE kind = 'verification' ORDER BY sequence")
    assert json.loads(last)["keyspaces"][0]["rows"] == {"dc-1": 7, "dc-3": 7}


def test_a_comparison_that_fails_for_a_moment_is_tried_again(world: World) -> None:
    world.answers = [BUSY, SAME, BUSY, BUSY, SAME]
    done = world.verify()
    assert (done.return_value, done.exception) == (0, None)
    assert world.answers == []


def test_a_comparison_that_goes_on_failing_ends_with_its_reason(world: World) -> None:
    world.answers = [BUSY] * 99
    error = world.verify().exception
    assert isinstance(error, PermanentFailure)
    assert (error.code, error.where) == ("HS-KUBE-002", "eastus")
    assert "HTTP 503; tried " in error.why


def test_a_repair_that_fails_for_a_moment_is_tried_again_and_those_of_other_nodes_are_not(
    world: World,
) -> None:
    other = replace(DIFFERENT, differences=(Difference("198.18.0.9", "9 of 9 ranges", "kvm.entry"),))
    world.answers, world.failures = [DIFFERENT, other, SAME, SAME], [BUSY]
    done = world.verify("--repair", "--yes")
    assert (done.return_value, done.exception) == (0, None)
    assert [[m.node for m in todo] for todo in world.mended] == [
        ["192.138.0.9"],
        ["192.138.0.9"],
        ["198.18.0.9"],
    ]
