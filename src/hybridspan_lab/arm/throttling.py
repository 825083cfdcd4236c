"""Token buckets as documented since 2024: per subscription, principal and kind of request.

Reads 250 (+25/s), writes 200 (+10/s), deletes 200 (+10/s); the subscription as a whole has fifteen times as much.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hybridspan_lab.arm.errors import ArmError

GLOBAL_FACTOR: Final = 15


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket's size and its refill per second."""

    size: float
    refill: float


RATES: Final = {"reads": Rate(250, 25), "writes": Rate(200, 10), "deletes": Rate(200, 10)}


@dataclass(slots=True)
class Bucket:
    """Tokens left, filled up by the time that passed."""

    rate: Rate
    tokens: float
    at: float

    def take(self, now: float) -> bool:
        """Takes a token if there is one."""
        self.tokens = min(self.rate.size, self.tokens + (now - self.at) * self.rate.refill)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    @property
    def wait(self) -> float:
        """Seconds until the next token."""
        return (1 - self.tokens) / self.rate.refill


class Throttle:
    """All buckets of a lab; `enabled=False` still counts, but refuses nobody."""

    def __init__(self, *, enabled: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self.enabled = enabled
        self._clock = clock
        self._buckets: dict[tuple[str, ...], Bucket] = {}

    def admit(self, method: str, subscription: str, principal: str) -> dict[str, str]:
        """The headers that tell what is left; ArmError 429 when nothing is."""
        kind = _kind(method)
        own = self._bucket(RATES[kind], subscription, principal, kind)
        whole_rate = Rate(RATES[kind].size * GLOBAL_FACTOR, RATES[kind].refill * GLOBAL_FACTOR)
        whole = self._bucket(whole_rate, subscription, "*", kind)
        now = self._clock()
        admitted = own.take(now) and whole.take(now)
        if not admitted and self.enabled:
            raise _refusal(kind, max(own.wait, whole.wait), subscription)
        prefix = "x-ms-ratelimit-remaining-subscription"
        return {
            f"{prefix}-{kind}": str(max(0, math.floor(own.tokens))),
            f"{prefix}-global-{kind}": str(max(0, math.floor(whole.tokens))),
        }

    def _bucket(self, rate: Rate, *key: str) -> Bucket:
        if key not in self._buckets:
            self._buckets[key] = Bucket(rate, rate.size, self._clock())
        return self._buckets[key]


def _kind(method: str) -> str:
    if method in ("GET", "HEAD"):
        return "reads"
    return "deletes" if method == "DELETE" else "writes"


def _refusal(kind: str, wait: float, subscription: str) -> ArmError:
    message = (
        f"Number of '{kind}' requests for subscription '{subscription}' actor exceeded. "
        f"Please try again after '{math.ceil(wait)}' seconds after additional tokens are available."
    )
    return ArmError(
        429, "SubscriptionRequestsThrottled", message, headers={"Retry-After": str(math.ceil(wait))}
    )
