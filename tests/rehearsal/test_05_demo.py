"""What the README's first commands do: the whole expansion on a lab of its own, proved, told, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from hybridspan_lab.world.process import worlds

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(1800)]

PAIRINGS = {
    "apigeectl": r"apigeectl with Cassandra 4\.0\.\d+, .*",
    "helm": r"the real helm with charts of its own and Cassandra 4\.0\.\d+",
}
COPIED_BY = {"apigeectl": "nodetool rebuild", "helm": "CassandraDataReplication"}
BY_THREES = ("cache_hybrid_test_7_hybrid", "kms_hybrid_test_7_hybrid", "kvm_hybrid_test_7_hybrid", "perses")
BY_THREES += ("quota_hybrid_test_7_hybrid",)
BY_ONES = ("system_auth", "system_distributed", "system_traces")
PARTS = (
    "Topology",
    "Replication matrix",
    "Ring",
    "Verification",
    "Timeline",
    "Steps",
    "Pre-flight",
    "What was sent",
)


@dataclass(frozen=True)
class Ended:
    """A demo that has ended."""

    installer: str
    folder: Path
    code: int
    stdout: str
    stderr: str


def command(folder: Path, installer: str) -> list[str]:
    """As the README has it: apigeectl is named by nobody."""
    chosen = [] if installer == "apigeectl" else ["--installer", installer]
    return [sys.executable, "-m", "hybridspan", "demo", "--directory", str(folder), *chosen]


@pytest.fixture(
    scope="module",
    params=["apigeectl", pytest.param("helm", marks=[pytest.mark.long, pytest.mark.timeout(3000)])],
)
def demo(request: pytest.FixtureRequest) -> Iterator[Ended]:
    installer: str = request.param
    folder = Path(tempfile.mkdtemp(prefix="hs-demo-", dir="/tmp"))
    kept = ("HYBRIDSPAN_CACHE",)
    outside = {n: value for n, value in os.environ.items() if not n.startswith("HYBRIDSPAN_") or n in kept}
    try:
        done = subprocess.run(
            command(folder, installer),
            env=outside,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        yield Ended(installer, folder, done.returncode, done.stdout, done.stderr)
    finally:
        environment = {**outside, "HYBRIDSPAN_LAB_HOME": str(folder / ".lab")}
        subprocess.run([sys.executable, "-m", "hybridspan", "lab", "down"], env=environment, check=False)
        shutil.rmtree(folder)


def test_it_ends_well(demo: Ended) -> None:
    assert demo.code == 0, f"{demo.stdout[-6000:]}\n{demo.stderr[-6000:]}"


def test_its_first_line_names_the_pairing_and_the_network(demo: Ended) -> None:
    assert re.match(rf"lab: rehearses {PAIRINGS[demo.installer]}; network mode: ", demo.stdout)


def test_it_shows_how_each_keyspace_is_replicated(demo: Ended) -> None:
    told = {
        match[1]: (match[2], match[3])
        for match in re.finditer(r"keyspace=(\S+) .*dc-1=(\d+) +dc-2=(\d+)", demo.stdout)
    }
    assert told == {**dict.fromkeys(BY_THREES, ("3", "3")), **dict.fromkeys(BY_ONES, ("1", "1"))}


def test_it_is_proved_and_counted(demo: Ended) -> None:
    """Rows that have a time to live may end between two counts; developers' and key-value maps' do not."""
    assert "Proved: dc-2 holds what the others hold." in demo.stdout
    told = re.findall(
        r"^proved +(\S+): .*\(([\d,]+) rows in dc-1, ([\d,]+) rows in dc-2\)$", demo.stdout, re.MULTILINE
    )
    counts = {
        (name, *(int(n.replace(",", "")) for n in numbers))
        for name, *numbers in told
        if name.startswith(("kms_", "kvm_"))
    }
    assert {name for name, _, _ in counts} == {"kms_hybrid_test_7_hybrid", "kvm_hybrid_test_7_hybrid"}, told
    assert all(first == second > 0 for _, first, second in counts), counts


def test_every_step_is_done_by_the_journal(demo: Ended) -> None:
    (path,) = demo.folder.glob(".hybridspan/*/journal.sqlite")
    with closing(sqlite3.connect(path)) as db:
        ((run, outcome),) = db.execute("SELECT id, outcome FROM runs WHERE kind = 'apply'").fetchall()
        ended = db.execute("SELECT step, document FROM events WHERE run = ? AND kind = 'finished'", (run,))
        steps = {step: json.loads(document)["state"] for step, document in ended}
        planned = db.execute(
            "SELECT DISTINCT step FROM events WHERE run = ? AND step != ''", (run,)
        ).fetchall()
    assert outcome == "done"
    assert {step for (step,) in planned} == set(steps)
    assert set(steps.values()) <= {"unchanged", "changed"}
    assert {
        "peering/eastus+centralus",
        "datastore/centralus",
        "verify/centralus",
        "seed-out/centralus",
    } <= set(steps)


def test_the_report_has_all_its_parts(demo: Ended) -> None:
    page = (demo.folder / "report.html").read_text()
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", page)
    assert [part for part in PARTS if part not in headings] == [], headings
    assert "<svg" in page
    assert COPIED_BY[demo.installer] in page
    assert not re.search(r"(?:src|href)=\"https?://", page)


def test_nothing_of_the_lab_is_left(demo: Ended) -> None:
    home = demo.folder / ".lab"
    assert worlds(home) == []
    assert not home.exists()
    assert [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(home).encode() in read(p)] == []


def read(path: Path) -> bytes:
    """The words of a process that may be gone by now."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
