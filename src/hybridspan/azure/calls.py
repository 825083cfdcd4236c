"""How we speak to Azure: each call in a thread, its failure translated, its patience limited, every write recorded.

An operation that takes its time is followed here and not in the thread, so that an interrupted run ends at once. What was begun
goes on in Azure; the next run finds it by looking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, Final, TypeVar

from hybridspan.azure.looks import Looks
from hybridspan.azure.pace import GIVEN_UP
from hybridspan.clock import Clock
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.patience import LONG_TRIES, Patience
from hybridspan.progress import Progress, quiet

Recorder = Callable[[str, Mapping[str, Any]], None]
Document = dict[str, Any]
Result = TypeVar("Result")

READ_PATIENCE_SECONDS: Final = 60.0
WRITE_PATIENCE_SECONDS: Final = 240.0
NETWORK_DEADLINE_SECONDS: Final = 600.0
CLUSTER_DEADLINE_SECONDS: Final = 3600.0
THREADS: Final = 16
"""Requests at the same time; Azure is far, and most of a request is waiting."""


class ArmCalls:
    """Reads, writes and patience; holds no state of Azure's."""

    def __init__(self, record: Recorder, clock: Clock) -> None:
        self._record = record
        self.clock = clock
        self.looks = Looks(clock)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="azure")

    async def read(self, call: Callable[[], Any], where: str) -> Document | None:
        """The document, or None where there is no such resource; tried again for a minute."""

        async def once() -> Document | None:
            document: Document | None = await self._in_thread(call, where, absent=None)
            return document

        # One that takes longer than its patience has hung, not worked.
        return await self.persist(once, patience=READ_PATIENCE_SECONDS, long_tries=1)

    async def write(
        self,
        method: str,
        resource_id: str,
        begin: Callable[[], Any],
        progress: Progress = quiet,
        *,
        deadline: float = NETWORK_DEADLINE_SECONDS,
    ) -> Document | None:
        """Begin an operation and follow it to its end; a DELETE of what is not there is done.

        Tried once: whoever calls looks again before it tries again. PermanentFailure when it has not ended within `deadline` seconds.
        """
        started = self.clock.monotonic()
        self.looks.forget(resource_id)
        try:
            poller = await self._in_thread(begin, resource_id, absent=None if method == "DELETE" else _RAISE)
            result = await self._followed(poller, resource_id, progress, started + deadline)
        except HybridspanError as failure:
            self._tell(method, resource_id, failure.code, started, failure.why)
            raise
        finally:
            self.looks.forget(resource_id)
        self._tell(method, resource_id, "Succeeded", started)
        return result

    def _tell(self, method: str, resource_id: str, result: str, started: float, why: str = "") -> None:
        document = {"method": method, "id": resource_id, "result": result}
        document["seconds"] = f"{self.clock.monotonic() - started:.1f}"
        self._record("arm", document | ({"why": why} if why else {}))

    async def _followed(self, poller: Any, where: str, progress: Progress, end: float) -> Document | None:
        if not hasattr(poller, "done"):  # the few operations that answer at once
            answer: Document | None = _plain(poller)
            return answer
        pause, said = 0.05, ""
        while not poller.done():
            status = str(poller.status())
            if status != said:
                progress(f"{where.rsplit('/', 1)[-1]}: {status}", None, {"id": where, "status": status})
                said = status
            if self.clock.monotonic() > end:
                raise _endless(where, status)
            await self.clock.sleep(pause)
            pause = min(pause * 1.5, 1.0)
        document: Document | None = await self._in_thread(poller.result, where, absent=_RAISE)
        return document

    async def persist(
        self,
        call: Callable[[], Awaitable[Result]],
        progress: Progress = quiet,
        *,
        patience: float = WRITE_PATIENCE_SECONDS,
        long_tries: int = LONG_TRIES,
    ) -> Result:
        """The call's result; temporary failures are met with Azure's delay, or growing ones, for `patience` seconds from the first.

        The last one is handed on with how often it was tried and for how long, so that whoever is patient too counts from there.
        """
        left, pause = Patience(patience, long_tries), 0.5
        while True:
            began = self.clock.monotonic()
            try:
                return await call()
            except TemporaryFailure as failure:
                now = self.clock.monotonic()
                left = left.after(failure, began=began, now=now)
                pause = 0.5 if left.row == 1 else min(pause * 2, 10.0)
                delay = failure.retry_after or pause
                if not left.allows(now + delay):
                    failure.tries, failure.waited = left.tries, now - left.first
                    raise
                progress(f"{failure.message}; again in {delay:g} s", None, {"error": failure.to_document()})
            await self.clock.sleep(delay)

    async def until_settled(
        self,
        look: Callable[[], Awaitable[str]],
        where: str,
        progress: Progress,
        deadline: float,
    ) -> str:
        """The state in which an operation that somebody else began has ended; `look` returns the state as it is now."""
        end, pause = self.clock.monotonic() + deadline, 0.2
        while not is_terminal(state := await look()):
            if self.clock.monotonic() > end:
                raise _endless(where, state)
            progress(f"{where.rsplit('/', 1)[-1]}: {state}", None, {"id": where, "status": state})
            await self.clock.sleep(pause)
            pause = min(pause * 1.5, 5.0)
        return state

    async def _in_thread(self, call: Callable[[], Any], where: str, absent: Any) -> Any:
        from azure.core.exceptions import AzureError, HttpResponseError

        from hybridspan.azure.errors import is_absent, translate

        given_up = Event()

        def called() -> Any:
            token = GIVEN_UP.set(given_up)
            try:
                return _plain(call())
            except HttpResponseError as error:
                if absent is not _RAISE and is_absent(error):
                    return absent
                raise translate(error, where) from error
            except AzureError as error:
                raise translate(error, where) from error
            finally:
                GIVEN_UP.reset(token)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, called)
        finally:
            given_up.set()  # a thread that still waits for its turn waits for nobody

    def close(self) -> None:
        """No further calls; those under way end by themselves."""
        self._threads.shutdown(wait=False)


_RAISE: Final = object()


def is_terminal(state: str) -> bool:
    """Whether a provisioning state is an end; anything that Azure invents besides these three is on its way."""
    return state.lower() in ("succeeded", "failed", "canceled", "")


def _plain(result: Any) -> Any:
    """JSON where the SDK gives a model."""
    return result.as_dict() if hasattr(result, "as_dict") else result


def _endless(where: str, state: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-AZURE-015",
        "the operation does not come to its end",
        where=where,
        why=f"still {state}",
        hint="az monitor activity-log list shows it; apply goes on from where it then is",
    )
