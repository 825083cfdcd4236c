"""A line for every request, so that a test can count what a client did. Tokens, bodies and signatures stay out."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as the journal has it."""

    time: str
    method: str
    path: str
    api_version: str
    status: int
    code: str
    milliseconds: int
    principal: str


class RequestJournal:
    """Appends to `requests.jsonl`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._out = file.open("a", buffering=1)

    def write(
        self,
        *,
        method: str,
        path: str,
        api_version: str,
        status: int,
        code: str,
        seconds: float,
        principal: str,
    ) -> None:
        """Adds a request; `status` 0 means that the connection was cut without an answer."""
        line: dict[str, Any] = {
            "time": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "method": method,
            "path": path,
            "api_version": api_version,
            "status": status,
            "code": code,
            "milliseconds": round(seconds * 1000),
            "principal": principal,
        }
        self._out.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Ends the file."""
        self._out.close()


def read(file: Path) -> tuple[RequestRecord, ...]:
    """All requests of a journal, oldest first; a line cut short by a kill is left out."""
    if not file.exists():
        return ()
    lines = [line for line in file.read_text().splitlines() if line.endswith("}")]
    return tuple(RequestRecord(**json.loads(line)) for line in lines)
