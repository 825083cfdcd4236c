"""For how long failures that may pass by themselves are met with further tries; reckons only, and waits for nothing itself.

Patience counts from the first failure of a row and not from the beginning of the work: a rebuild is one try, and may work for hours
before its connection breaks. The next failure begins a new row where the try before it has worked for longer than the patience, or
has brought the work further. What fails anew after each long work would never come to its end that way, so LONG_TRIES such tries,
none of which brought the work further, are the last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from hybridspan.errors import TemporaryFailure

LONG_TRIES: Final = 3
"""So many tries in a row may work for longer than the patience without bringing the work further."""
FURTHER: Final = 0.01
"""The part of all the work that counts as further; so a row begins anew for this at most a hundred times."""


@dataclass(frozen=True, slots=True)
class Patience:
    """What the tries so far have left of it; moments are a clock's monotonic seconds."""

    seconds: float
    long_tries: int = LONG_TRIES
    tries: int = 0
    """All of them, those counted that somebody deeper made."""
    row: int = 0
    """Failures since the row began; 1 where the last one began it."""
    first: float = 0.0
    """When the first of all failures came."""
    since: float = 0.0
    """When the first failure of this row came."""
    long: int = 0
    """Long tries in a row, none of which brought the work further."""
    reached: float = 0.0
    """The part of the work that was done when it last counted as further."""

    def after(self, failure: TemporaryFailure, *, began: float, now: float, reached: float = 0.0) -> Patience:
        """What is left after a try that began then and has failed now, with so much of the work done."""
        came = now - min(failure.waited, now - began)
        is_long = came - began > self.seconds
        is_further = self.tries > 0 and reached >= self.reached + FURTHER
        begins = self.row == 0 or is_long or is_further
        return replace(
            self,
            tries=self.tries + failure.tries,
            row=1 if begins else self.row + 1,
            first=self.first if self.tries else came,
            since=came if begins else self.since,
            long=(0 if is_further else self.long) + is_long,
            reached=reached if is_further or not self.tries else self.reached,
        )

    def allows(self, moment: float) -> bool:
        """Whether another try may begin then."""
        return self.long < self.long_tries and moment <= self.since + self.seconds
