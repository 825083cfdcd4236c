from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hybridspan.apigee.apigeectl import Apigeectl, must_match
from hybridspan.errors import PermanentFailure, TemporaryFailure

Records = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def records() -> Records:
    return []


@pytest.fixture
def installer(tmp_path: Path, records: Records) -> Apigeectl:
    return Apigeectl(tmp_path / "kubeconfig", lambda kind, document: records.append((kind, dict(document))))


@pytest.fixture
def overrides(tmp_path: Path) -> Path:
    (tmp_path / "west").mkdir()
    return tmp_path / "west" / "overrides.yaml"


def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = tmp_path / "apigeectl"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("HYBRIDSPAN_APIGEECTL", str(path))


async def test_it_runs_beside_its_file_with_the_one_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: Apigeectl, overrides: Path
):
    program(tmp_path, monkeypatch, 'pwd; echo "$KUBECONFIG"; echo "$@"')
    lines: list[str] = []
    await installer.apply(overrides, lines.append, parts=("--datastore",))
    assert lines == [
        str(overrides.parent),
        str(tmp_path / "kubeconfig"),
        "apply --datastore -f overrides.yaml",
    ]


async def test_every_line_goes_to_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: Apigeectl, overrides: Path, records: Records
):
    program(tmp_path, monkeypatch, "echo one; echo two >&2")
    await installer.init(overrides, lambda _: None)
    assert [d.get("line") for _, d in records if "line" in d] == ["one", "two"]
    assert records[-1][1]["code"] == 0


async def test_a_failure_shows_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: Apigeectl, overrides: Path
):
    program(tmp_path, monkeypatch, "echo 'Error: invalid overrides: org is missing' >&2; exit 1")
    with pytest.raises(PermanentFailure, match=r"HS-APIGEE-002.*org is missing"):
        await installer.init(overrides, lambda _: None)


async def test_a_controller_that_is_still_starting_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: Apigeectl, overrides: Path
):
    program(tmp_path, monkeypatch, "echo 'no endpoints available for service apigee-webhook-service'; exit 1")
    with pytest.raises(TemporaryFailure, match="HS-APIGEE-003"):
        await installer.apply(overrides, lambda _: None)


async def test_a_program_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: Apigeectl, overrides: Path
):
    program(tmp_path, monkeypatch, "exec sleep 60")
    with pytest.raises(TemporaryFailure, match="HS-APIGEE-005"):
        await installer.apply(overrides, lambda _: None, seconds=0.5)
    assert [place for place in Path("/proc").glob("[0-9]*/cwd") if leads_to(place, overrides.parent)] == []


def leads_to(link: Path, folder: Path) -> bool:
    try:
        return link.readlink() == folder
    except OSError:
        return False


async def test_cancelling_ends_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: Apigeectl, overrides: Path
):
    program(tmp_path, monkeypatch, "echo $$ > pid; echo ready; exec sleep 60")
    started = asyncio.Event()
    task = asyncio.create_task(installer.apply(overrides, lambda _: started.set()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not Path(f"/proc/{(overrides.parent / 'pid').read_text().strip()}").exists()


async def test_another_release_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: Apigeectl
):
    program(tmp_path, monkeypatch, "echo 'Version: 1.10.4'")
    with pytest.raises(PermanentFailure, match="HS-APIGEE-004"):
        await must_match(installer, "1.11.2")


async def test_a_program_that_does_not_tell_its_release_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: Apigeectl
):
    program(tmp_path, monkeypatch, "exit 2")
    await must_match(installer, "1.11.2")


async def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, installer: Apigeectl):
    monkeypatch.setenv("HYBRIDSPAN_APIGEECTL", "/nowhere/apigeectl")
    with pytest.raises(PermanentFailure, match="HS-APIGEE-001"):
        await installer.version()
