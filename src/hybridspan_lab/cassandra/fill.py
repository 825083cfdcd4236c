"""Loads rows of Apigee's shape, keeps writing them at a rate, or reads every one of them back.

    python -m hybridspan_lab.cassandra.fill --rows 20000
    python -m hybridspan_lab.cassandra.fill --rows 0 --first 20000 --rate 200 --seconds 60
    python -m hybridspan_lab.cassandra.fill --rows 20000 --verify --consistency ONE

Runs in a pod, as dml_user, through the pod's own data center. The last line printed is a JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, Final

from hybridspan_lab.cassandra.rows import FORMS, Row, large_rows, row, rows
from hybridspan_lab.cassandra.schema import keyspaces
from hybridspan_lab.cassandra.session import PodSurroundings, connect

CONCURRENCY: Final = 96
CHUNK: Final = 4000
LARGE_CHUNK: Final = 32
"""4 MiB at once: as much as the small heap of a lab's node bears."""
TRIES: Final = 8
PAUSE_SECONDS: Final = 1.0
"""Between tries: nodes on a busy machine answer late now and then, and soon again in time."""
MISSING_SHOWN: Final = 20
TICK_SECONDS: Final = 0.1


class Statements:
    """Prepared inserts or selects of every table, at one consistency level."""

    def __init__(self, session: Any, organization: str, consistency: str, *, reading: bool) -> None:
        from cassandra import ConsistencyLevel

        self.level = ConsistencyLevel.name_to_value[consistency]
        names = keyspaces(organization)
        self._prepared = {}
        for table, form in FORMS.items():
            make = form.select if reading else form.insert
            self._prepared[table] = session.prepare(make(names[form.kind], table))
            self._prepared[table].consistency_level = self.level

    def bind(self, one: Row, *, reading: bool) -> Any:
        return self._prepared[one.table].bind(one.key[:1] if reading else (*one.key, *one.values))


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all was written or found; 1 when rows are missing or writes failed."""
    options = parse(arguments)
    surroundings = PodSurroundings.from_environment()
    organization = options.organization or surroundings.organization or os.environ.get("APIGEE_ORG", "")
    with connect(surroundings, surroundings.login("dml")) as session:
        statements = Statements(session, organization, options.consistency, reading=options.verify)
        if options.verify:
            result = verify(session, statements, groups(options))
        else:
            result = write(session, statements, groups(options))
            if options.rate:
                start = options.first + options.rows
                more = keep_writing(session, statements, start, options.rate, options.seconds)
                result = {name: result[name] + more[name] for name in result}
    print(json.dumps({"first": options.first, **result}), flush=True)
    return 1 if result.get("failed") or result.get("missing") else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hybridspan-fill")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first row")
    parser.add_argument("--large", type=int, default=0, help="how many cache entries of 128 KiB besides")
    parser.add_argument("--rate", type=float, default=0, help="rows a second to go on with after --rows")
    parser.add_argument(
        "--seconds", type=float, default=None, help="how long to go on; without it until ended"
    )
    parser.add_argument("--organization", default="")
    parser.add_argument("--verify", action="store_true", help="read every row back")
    parser.add_argument("--consistency", default="LOCAL_QUORUM")
    return parser.parse_args(arguments)


def groups(options: argparse.Namespace) -> Iterator[list[Row]]:
    """The wanted rows, as many at a time as nodes and this process bear."""
    small = chunks(rows(options.first, options.rows), CHUNK)
    return chain(small, chunks(large_rows(options.large), LARGE_CHUNK))


def write(session: Any, statements: Statements, wanted: Iterable[list[Row]]) -> dict[str, int]:
    """Writes rows; entries of one key-value map go in one unlogged batch, since they share a partition."""
    written = failed = 0
    for group in wanted:
        left = list(batched(statements, group))
        for attempt in range(TRIES):
            if not left:
                break
            time.sleep(PAUSE_SECONDS if attempt else 0.0)
            # A row is always the same, so writing it twice changes nothing.
            left = unwritten(session, left)
        lost = sum(size for _, size in left)
        written, failed = written + len(group) - lost, failed + lost
        print(json.dumps({"written": written, "failed": failed}), flush=True)
    return {"written": written, "failed": failed}


def unwritten(session: Any, units: list[tuple[Any, int]]) -> list[tuple[Any, int]]:
    """Executes statements concurrently and returns those that failed."""
    from cassandra.concurrent import execute_concurrent

    calls = ((statement, None) for statement, _ in units)
    outcomes = execute_concurrent(session, calls, concurrency=CONCURRENCY, raise_on_first_error=False)
    paired = list(zip(units, outcomes, strict=True))
    for reason in {str(outcome.result_or_exc) for _, outcome in paired if not outcome.success}:
        print(f"failed: {reason}", file=sys.stderr, flush=True)
    return [unit for unit, outcome in paired if not outcome.success]


def batched(statements: Statements, group: list[Row]) -> Iterator[tuple[Any, int]]:
    """(statement, number of rows) of a group of rows."""
    from cassandra.query import BatchStatement, BatchType

    maps: dict[str, list[Row]] = {}
    for one in group:
        if one.table == "kvm_entry":
            maps.setdefault(one.key[0], []).append(one)
        else:
            yield statements.bind(one, reading=False), 1
    for entries in maps.values():
        batch = BatchStatement(BatchType.UNLOGGED, consistency_level=statements.level)
        for one in entries:
            batch.add(statements.bind(one, reading=False))
        yield batch, len(entries)


def chunks(source: Iterable[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(source)
    while group := list(islice(iterator, size)):
        yield group


def keep_writing(
    session: Any, statements: Statements, start: int, rate: float, seconds: float | None
) -> dict[str, int]:
    """`rate` rows a second from number `start`, until the time is over, or whoever started it ends it or is gone."""
    began, written, failed = time.monotonic(), 0, 0
    with ends_by_signal() as ended:
        while not ended() and (seconds is None or time.monotonic() - began < seconds):
            due = int((time.monotonic() - began) * rate) - written - failed
            pending = [
                session.execute_async(statements.bind(row(start + written + failed + n), reading=False))
                for n in range(due)
            ]
            for future in pending:
                written, failed = (written + 1, failed) if succeeded(future) else (written, failed + 1)
            time.sleep(TICK_SECONDS)
    return {"written": written, "failed": failed}


@contextmanager
def ends_by_signal() -> Iterator[Callable[[], bool]]:
    """A question that is answered with yes after SIGTERM or SIGINT, so that the last line is printed all the same.

    And after the end of a standard input that is a pipe: an exec whose other end is gone sends no signal.
    """
    seen: list[int] = []
    before = {
        number: signal.signal(number, lambda n, _: seen.append(n))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield lambda: bool(seen) or input_has_ended()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def input_has_ended() -> bool:
    """Whether standard input is a pipe or a socket that nobody holds any more."""
    mode = os.fstat(0).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return False
    readable, _, _ = select.select([0], [], [], 0)
    return bool(readable) and not os.read(0, 1)


def succeeded(future: Any) -> bool:
    from cassandra import DriverException, OperationTimedOut, RequestExecutionException
    from cassandra.cluster import NoHostAvailable

    try:
        future.result()
    except (DriverException, OperationTimedOut, RequestExecutionException, NoHostAvailable) as error:
        print(f"failed: {error}", file=sys.stderr, flush=True)
        return False
    return True


def verify(session: Any, statements: Statements, wanted: Iterable[list[Row]]) -> dict[str, Any]:
    """Reads every partition back and compares each row's values; a partition that could not be read counts as missing."""
    from cassandra.concurrent import execute_concurrent

    found, missing = 0, []
    for group in wanted:
        partitions = partitions_of(group)
        calls = ((statements.bind(ones[0], reading=True), None) for ones in partitions)
        outcomes = execute_concurrent(session, calls, concurrency=CONCURRENCY, raise_on_first_error=False)
        for ones, outcome in zip(partitions, outcomes, strict=True):
            there = {comparable(values) for values in outcome.result_or_exc} if outcome.success else set()
            why = "" if outcome.success else f": {outcome.result_or_exc}"
            lost = [one for one in ones if comparable((*one.key, *one.values)) not in there]
            found += len(ones) - len(lost)
            missing += [f"{one.table} {one.key}{why}" for one in lost]
    return {"found": found, "missing": len(missing), "examples": missing[:MISSING_SHOWN]}


def partitions_of(group: list[Row]) -> list[list[Row]]:
    """Rows of one partition together."""
    partitions: dict[tuple[str, Any], list[Row]] = {}
    for one in group:
        partitions.setdefault((one.table, one.key[0]), []).append(one)
    return list(partitions.values())


def comparable(values: Iterable[Any]) -> tuple[Any, ...]:
    """Values as the driver returns them: its timestamps come back without a zone."""
    return tuple(v.replace(tzinfo=None) if hasattr(v, "tzinfo") else v for v in values)


if __name__ == "__main__":
    sys.exit(main())
