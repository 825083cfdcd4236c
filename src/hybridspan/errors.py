"""Every failure that hybridspan can end with, and the two families that the engine understands.

    HybridspanError(code, message, where, why, hint)
    ├── InputError            the person's file, option or answer is wrong           exit 2
    ├── LockHeld              someone else holds the lock                            exit 4
    ├── PlanStale             the world has moved since the plan was saved           exit 1
    ├── TemporaryFailure      may pass by itself; retried until a deadline
    └── PermanentFailure      will not pass by itself; the run stops and says why

Third-party errors are translated in their adapter and nowhere else, always `raise … from`.
A message says what happened, `where` names the resource, region or file:line, `why` the cause as far as it
was seen, `hint` the next move. Codes are stable; `docs/errors/` has a paragraph for each and a test holds the two
together.
"""

from __future__ import annotations

from typing import Final

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_INPUT: Final = 2
EXIT_PENDING: Final = 3
EXIT_LOCKED: Final = 4
EXIT_INTERRUPTED: Final = 130


class HybridspanError(Exception):
    """Base of all failures; `code` is stable (HS-<room>-<number>), the rest is for a person."""

    exit_code: int = EXIT_FAILED

    def __init__(self, code: str, message: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.why = why
        self.hint = hint

    def to_document(self) -> dict[str, str]:
        """The error as `--json` prints it; empty fields are left out."""
        fields = {
            "code": self.code,
            "message": self.message,
            "where": self.where,
            "why": self.why,
            "hint": self.hint,
        }
        return {name: value for name, value in fields.items() if value}

    def __str__(self) -> str:
        place = f" [{self.where}]" if self.where else ""
        cause = f": {self.why}" if self.why else ""
        return f"{self.code} {self.message}{place}{cause}"


class InputError(HybridspanError):
    """The person's file, option or answer cannot be used as it is."""

    exit_code = EXIT_INPUT


class LockHeld(HybridspanError):
    """Another run holds the lock of this topology."""

    exit_code = EXIT_LOCKED


class PlanStale(HybridspanError):
    """The world differs from what a saved plan was made for."""


class TemporaryFailure(HybridspanError):
    """A failure that may pass by itself.

    `retry_after` is the delay in seconds that the other side asked for, or None. Whoever gives up on it and hands it on
    says how often it was tried, and for how many seconds after its first coming: for those nothing was worked.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        where: str = "",
        why: str = "",
        hint: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, message, where=where, why=why, hint=hint)
        self.retry_after = retry_after
        self.tries = 1
        self.waited = 0.0


class PermanentFailure(HybridspanError):
    """A failure that waiting does not cure."""


def first_failure(error: BaseException) -> BaseException:
    """Tasks fail together: of a group the failure that tells most, a permanent one before one that may pass."""
    while isinstance(error, BaseExceptionGroup):
        error = min(error.exceptions, key=_rank)
    return error


def _rank(error: BaseException) -> int:
    inner = first_failure(error)
    if isinstance(inner, HybridspanError):
        return 1 if isinstance(inner, TemporaryFailure) else 0
    return 2
