"""A repair that a keyspace is owed is found again in the journal that is on the disk, whatever the keyspace is called."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.clock import SystemClock
from hybridspan.journal.store import SqliteJournal
from hybridspan.plan.phases import keyspaces
from hybridspan.plan.phases.simple_repairs import SIMPLE_KEY, SimpleRepairs
from hybridspan.plan.phases.source_repair import source_repair_key
from hybridspan.steps.keyspaces import SimpleKeyspacesStep
from tests.plan_cassandra.world import BEFORE, nts, ring, simple, two_regions, world

NAMES = ("oauth_token", "kms_secret", "client_secrets", "password", "perses")


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    store = SqliteJournal(tmp_path / "journal.sqlite", SystemClock())
    yield store
    store.close()


class Places:
    """An estate with a real journal, whose first region ends the run in the ALTER, or has one replica of all."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.topology = two_regions()
        self.clock = SystemClock()
        self.decide, self.decided = journal.decide, journal.decided
        self.region = self.topology.first
        self.seen = ring({"oauth_token": simple(1)}, "dc-1")

    async def cassandra(self, _: Any) -> Places:
        return self

    async def members(self) -> Any:
        return self.seen

    async def owners(self) -> tuple[()]:
        return ()

    async def any_pod(self, _: Any) -> None:
        raise ConnectionError("the run ends here")


def step(places: Places) -> SimpleKeyspacesStep:
    planned: Any = SimpleNamespace(region=places.topology.first.name, phase="simple-keyspaces")
    return SimpleKeyspacesStep(planned, places)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_owed_and_what_was_made_is_read_as_it_was_kept(journal: SqliteJournal, name: str) -> None:
    owed = SimpleRepairs().repaired(["perses"]).altered([name])
    journal.decide(SIMPLE_KEY, owed.to_document())
    assert SimpleRepairs.read(journal.decided(SIMPLE_KEY)) == owed
    journal.decide(SIMPLE_KEY, owed.repaired([name]).to_document())
    assert SimpleRepairs.read(journal.decided(SIMPLE_KEY)).owed == frozenset()


async def test_a_run_that_ends_between_the_statement_and_the_repair_owes_it(journal: SqliteJournal) -> None:
    places = Places(journal)
    with pytest.raises(ConnectionError):
        await step(places).act(lambda *_: None)
    places.seen = ring({"oauth_token": nts(dc_1=1)}, "dc-1")
    decision = await step(places).check()
    assert (decision.state, "oauth_token" in decision.reason) == ("needed", True)
    await step(places).act(lambda *_: None)
    assert (await step(places).check()).is_done


def test_the_plan_sees_what_is_owed(journal: SqliteJournal) -> None:
    journal.decide(SIMPLE_KEY, SimpleRepairs().altered(["oauth_token"]).to_document())
    facts = world(two_regions(), ring(BEFORE, "dc-1"), **{SIMPLE_KEY: journal.decided(SIMPLE_KEY)})
    (first, *_) = keyspaces.plan_keyspaces(two_regions(), facts)
    assert first.decision.state == "needed"


def test_a_journal_of_an_earlier_release_is_read(journal: SqliteJournal) -> None:
    """Of a masked name it is not known what it was: its repair was never made, because nothing found that it was owed."""
    journal.decide(SIMPLE_KEY, {"system_auth": "repaired", "perses": "altered", "oauth_token": "altered"})
    kept = SimpleRepairs.read(journal.decided(SIMPLE_KEY))
    assert kept == SimpleRepairs(frozenset({"perses", "oauth_token"}), frozenset({"system_auth"}))
    assert SimpleRepairs.read(None) == SimpleRepairs()


def test_when_a_source_was_repaired_is_kept_whatever_its_keyspaces_are_called(journal: SqliteJournal) -> None:
    """The one value of the journal that has names of keyspaces as its keys: times are no text, and no secret."""
    times = dict.fromkeys(NAMES, 1_800_000_000.5)
    journal.decide(source_repair_key("centralus"), times)
    assert journal.decided(source_repair_key("centralus")) == times
