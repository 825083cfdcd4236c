"""Proves the data before anything reads from a new region, and once more after its nodes have restarted."""

from __future__ import annotations

from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision, PlannedStep
from hybridspan.plan.phases.verification import (
    copied_key,
    decide_verification,
    fingerprint,
    verification_key,
)
from hybridspan.progress import Progress
from hybridspan.steps.region_step import RegionStep
from hybridspan.verification.comparing import verify
from hybridspan.verification.model import VerificationResult


class VerificationStep(RegionStep):
    """Compares one region's data center; keeps in the journal for which nodes and keyspaces it was proved."""

    deadline_seconds = 10.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        super().__init__(planned, estate)
        self._source = estate.topology.region_of(str(self.region.copy_from))
        self._key = verification_key(planned.phase, planned.region)
        self._copied_key = copied_key(planned.phase, planned.region)

    async def check(self) -> Decision:
        ring = await (await self.estate.cassandra(self._source)).members()
        again = self.planned.phase == "verify-again"
        decided, copied = self.estate.decided(self._key), self.estate.decided(self._copied_key)
        return decide_verification(ring, self.region, decided, copied, again=again)

    async def act(self, progress: Progress) -> None:
        target = await self.estate.cassandra(self.region)
        source = await self.estate.cassandra(self._source)
        result = await verify(
            target, source, self.estate.clock, progress, lambda: self.estate.cassandras(source)
        )
        self.estate.record("verification", result.to_document())
        if failed := failure(result, self.region.name):
            raise failed
        ring = await source.members()
        kept = {"fingerprint": fingerprint(ring, self.region.datacenter), "at": self.estate.clock.now()}
        self.estate.decide(self._key if result.is_comparable else self._copied_key, kept)


def failure(result: VerificationResult, region: str) -> HybridspanError | None:
    """What ends the step, or None where all is the same, or nothing can ever be compared."""
    if result.problems:
        return TemporaryFailure(
            "HS-VERIFY-003",
            f"{result.datacenter} cannot be compared now",
            where=region,
            why="; ".join(result.problems),
            hint="nodetool status must show every node UN, and nodetool describecluster one schema version",
        )
    if result.is_proved or not result.is_comparable:
        return None
    return _not_proved(result, region) if result.has_differences else _undecided(result, region)


def _not_proved(result: VerificationResult, region: str) -> PermanentFailure:
    named = [f"{d.node} {d.table} {d.token_range}" for k in result.keyspaces for d in k.differences]
    more = f"; and {len(named) - 8} more" if len(named) > 8 else ""
    return PermanentFailure(
        "HS-VERIFY-004",
        result.sentence(),
        where=region,
        why="; ".join(named[:8]) + more,
        hint="hybridspan verify --repair mends just what differs; then run apply again",
    )


def _undecided(result: VerificationResult, region: str) -> TemporaryFailure:
    return TemporaryFailure(
        "HS-VERIFY-005",
        f"{result.datacenter} is not proved: no difference was found, and not every table could be compared",
        where=region,
        why="; ".join(f"{k.keyspace}: {k.summary}" for k in result.keyspaces if k.state == "unproved"),
        hint="run apply again in a calmer hour: it compares anew and does nothing twice",
    )


STEPS = {"verify": VerificationStep, "verify-again": VerificationStep}
