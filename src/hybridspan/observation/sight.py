"""What one look cannot see: the end of it for whoever plans, a gap that is named for whoever asks what is true now."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from hybridspan.errors import HybridspanError, first_failure
from hybridspan.facts.world import Unseen, UnseenPart
from hybridspan.topology.model import Region

Seen = TypeVar("Seen")


class Sight:
    """One look; `partial` keeps a failure as a gap and goes on."""

    def __init__(self, *, partial: bool) -> None:
        self._partial = partial
        self._failures: list[HybridspanError] = []
        self.unseen: list[Unseen] = []

    async def of(self, region: Region, part: UnseenPart, work: Awaitable[Seen], otherwise: Seen) -> Seen:
        """What the work sees; `otherwise` where it fails and gaps are allowed."""
        try:
            return await work
        except (HybridspanError, BaseExceptionGroup) as error:
            failure = first_failure(error)
            if not self._partial or not isinstance(failure, HybridspanError):
                raise
            self.missed(region, part, failure)
            return otherwise

    def missed(self, region: Region, part: UnseenPart, failure: HybridspanError) -> None:
        """Name a gap; not where a plan follows, which decides by what there is."""
        if self._partial:
            self._failures.append(failure)
            self.unseen.append(Unseen(str(region.name), part, failure.to_document()))

    def refuse_if_blind(self, regions: int) -> None:
        """Where no region's Azure can be asked there is nothing to show but the reason."""
        blind = [
            failure for gap, failure in zip(self.unseen, self._failures, strict=True) if gap.part == "Azure"
        ]
        if len(blind) == regions:
            raise blind[0]
