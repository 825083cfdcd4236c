"""Asynchronous operations: work that really takes time, told by a URL to ask again.

An operation is a small document on disk, so that after a restart the client's URL still answers and the work goes on.
The URL carries an api-version of its own and a signature, as Azure's do: clients must use it as it is.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
import secrets
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from hybridspan_lab.arm.documents import write_atomically
from hybridspan_lab.arm.errors import ArmError
from hybridspan_lab.arm.signed_urls import Signer, query_of

LOG = logging.getLogger(__name__)
TERMINAL: Final = ("Succeeded", "Failed", "Canceled")


@dataclass(slots=True)
class Operation:
    """One operation; `lock` names what it keeps others from changing, `path` what it is about."""

    id: str
    action: str
    path: str
    subscription: str
    namespace: str
    location: str
    lock: str
    verb: str
    """As error texts name it: `PutSubnetOperation`."""
    arguments: dict[str, Any]
    started: str
    status: str = "InProgress"
    ended: str | None = None
    error: dict[str, Any] | None = None
    fault: dict[str, Any] | None = None
    """`{"never": number of the fault}` or the error it is to fail with at its end."""
    also: str = ""
    """A second lock, of a resource that the operation changes too."""

    @property
    def is_running(self) -> bool:
        """Whether the client is to ask again."""
        return self.status not in TERMINAL


@dataclass(frozen=True, slots=True)
class Action:
    """How a kind of operation is carried out: its length in seconds, its work, and what a failure leaves behind."""

    seconds: float
    work: Callable[[Operation], Awaitable[None]]
    failed: Callable[[Operation, dict[str, Any]], None]


@dataclass(slots=True)
class Operations:
    """All operations of a lab. `scale` multiplies every length."""

    folder: Path
    scale: float = 1.0
    actions: dict[str, Action] = field(default_factory=dict)
    _all: dict[str, Operation] = field(default_factory=dict)
    _running: dict[str, Operation] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _held: dict[str, asyncio.Event] = field(default_factory=dict)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def load(self) -> None:
        """Reads what a former process left, and its signing key, so that clients' URLs go on working."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = self.folder / "signing.key"
        if not key.exists():
            write_atomically(key, secrets.token_hex(32))
        self._key = bytes.fromhex(key.read_text())
        for file in self.folder.glob("*.json"):
            operation = Operation(**json.loads(file.read_text()))
            self._all[operation.id] = operation

    def resume(self) -> None:
        """Goes on with what a former process did not finish."""
        for operation in [o for o in self._all.values() if o.is_running]:
            self._launch(operation)

    def start(
        self,
        action: str,
        path: str,
        *,
        subscription: str,
        namespace: str,
        location: str,
        lock: str,
        verb: str,
        arguments: dict[str, Any] | None = None,
        fault: dict[str, Any] | None = None,
        also: str = "",
    ) -> Operation:
        """Begins an operation."""
        operation = Operation(
            id=str(uuid.uuid4()),
            action=action,
            path=path,
            subscription=subscription,
            namespace=namespace,
            location=location.replace(" ", "").lower(),
            lock=lock.lower(),
            verb=verb,
            arguments=arguments or {},
            started=_now(),
            fault=fault,
            also=also.lower(),
        )
        self._all[operation.id] = operation
        self._save(operation)
        self._launch(operation)
        return operation

    def get(self, operation_id: str) -> Operation | None:
        """The operation with that id."""
        return self._all.get(operation_id.lower())

    def holding(self, lock: str) -> Operation | None:
        """A running operation that holds this lock."""
        wanted = lock.lower()
        return next((o for o in self._running.values() if wanted in (o.lock, o.also)), None)

    def running_below(self, key: str) -> list[Operation]:
        """Running operations on a path or anything under it."""
        prefix = key.rstrip("/").lower()
        return [
            o
            for o in self._running.values()
            if o.path.lower() == prefix or o.path.lower().startswith(prefix + "/")
        ]

    def cancel(self, operation: Operation) -> None:
        """Ends an operation that nobody may finish any more."""
        if task := self._tasks.pop(operation.id, None):
            task.cancel()
        self._end(operation, "Canceled", {"code": "Canceled", "message": "The operation was canceled."})

    def release(self, fault_id: int | None = None) -> None:
        """Lets operations that one fault, or any, keeps from ending come to their end."""
        for operation in self._running.values():
            held_by = (operation.fault or {}).get("never")
            if held_by is not None and fault_id in (None, held_by):
                operation.fault = None
                self._save(operation)
                self._held.pop(operation.id, asyncio.Event()).set()

    async def settled(self, operation: Operation) -> None:
        """Returns when the operation has ended."""
        if task := self._tasks.get(operation.id):
            await asyncio.wait([task])

    async def close(self) -> None:
        """Stops all work; what was running goes on at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def report(self, operation: Operation, status: str) -> None:
        """Takes a free-text status while the operation runs."""
        if operation.is_running and status not in TERMINAL:
            operation.status = status

    # ---- what clients see

    def urls(self, operation: Operation, base: str) -> tuple[str, str]:
        """The status URL and the result URL, signed."""
        return self._signer().urls(_root(operation), operation.id, operation.started, base)

    def is_verbatim(self, operation: Operation, what: str, query: Mapping[str, str]) -> bool:
        """Whether a URL is one that was handed out: every part of it is signed."""
        handed = self._signer().urls(_root(operation), operation.id, operation.started, "")
        return dict(query) == query_of(handed[0] if what == "operations" else handed[1])

    def _signer(self) -> Signer:
        return Signer(self._key)

    def delay(self, operation: Operation) -> dict[str, str]:
        """The header that tells the client how long to wait; never 0, which clients read as 30 s.

        The SDKs read `Retry-After` as an integer and fail on a fraction, so less than a second goes by the header in
        milliseconds, which they honour too.
        """
        wanted = max(0.2, self.actions[operation.action].seconds * self.scale / 2)
        return {"Retry-After": "1"} if wanted >= 1 else {"x-ms-retry-after-ms": f"{wanted * 1000:.0f}"}

    # ---- the work

    def _launch(self, operation: Operation) -> None:
        self._running[operation.id] = operation
        task = asyncio.get_running_loop().create_task(self._run(operation))
        self._tasks[operation.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(operation.id, None))

    async def _run(self, operation: Operation) -> None:
        action = self.actions[operation.action]
        try:
            await asyncio.sleep(action.seconds * self.scale)
            await self._strike(operation)
            await action.work(operation)
        except ArmError as refused:
            self._fail(operation, action, refused.inner())
        except asyncio.CancelledError:
            raise
        except Exception as broken:  # the edge: whatever the host's work raised is the operation's failure
            LOG.exception("operation %s of %s failed", operation.action, operation.path)
            text = str(broken) or type(broken).__name__
            self._fail(operation, action, {"code": "InternalOperationError", "message": text})
        else:
            self._end(operation, "Succeeded", None)

    async def _strike(self, operation: Operation) -> None:
        fault = operation.fault or {}
        if "never" in fault:
            await self._held.setdefault(operation.id, asyncio.Event()).wait()
        if "code" in fault:
            raise ArmError(500, fault["code"], fault["message"])

    def _fail(self, operation: Operation, action: Action, error: dict[str, Any]) -> None:
        action.failed(operation, error)
        self._end(operation, "Failed", error)

    def _end(self, operation: Operation, status: str, error: dict[str, Any] | None) -> None:
        operation.status, operation.error, operation.ended = status, error, _now()
        self._running.pop(operation.id, None)
        self._save(operation)

    def _save(self, operation: Operation) -> None:
        write_atomically(self.folder / f"{operation.id}.json", json.dumps(asdict(operation)))


def _root(operation: Operation) -> str:
    """The path of a provider's operations in a location."""
    provider = f"/subscriptions/{operation.subscription}/providers/{operation.namespace}"
    return f"{provider}/locations/{operation.location}"


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()
