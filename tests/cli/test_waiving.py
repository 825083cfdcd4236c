"""What a person waives is out of the plan that apply shows and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hybridspan.cli import apply
from hybridspan.clock import SystemClock
from hybridspan.errors import PermanentFailure
from hybridspan.journal.store import SqliteJournal
from tests.plan_cassandra.world import BEFORE, ring, two_regions, with_policy, world

ASK = with_policy(two_regions(), "ask")


async def refused(monkeypatch: pytest.MonkeyPatch, folder: Path, *waived: str) -> str:
    """Why the run is refused; this world has other reasons too."""

    async def looked(_: Any) -> Any:
        return world(ASK, ring(BEFORE, "dc-1"))

    monkeypatch.setattr(apply, "looked", looked)
    journal = SqliteJournal(folder / "journal.sqlite", SystemClock())
    run = apply.Application(ASK, journal, apply.Consent(False, False), "", frozenset(waived), False)
    try:
        with pytest.raises(PermanentFailure, match="HS-PLAN-004") as caught:
            await run._with(None, None)
    finally:
        journal.close()
    return caught.value.why


async def test_a_waived_repair_does_not_refuse_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "source-repair/centralus: " in await refused(monkeypatch, tmp_path)
    assert "source-repair/centralus: " not in await refused(monkeypatch, tmp_path, "source-repair")
