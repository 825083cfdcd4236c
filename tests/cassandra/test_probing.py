"""A pod's clock, whatever the rest of the look takes."""

from __future__ import annotations

import subprocess

import pytest

from hybridspan.cassandra.probing import HOST, HostState, parse_host

STATE = HostState(1, 2, 1000.0, True, seconds=8.0)


def test_the_time_of_looking_is_no_error_of_the_clock() -> None:
    """Asked at 999, answered at 1009: two seconds of way, eight of looking."""
    assert STATE.offset(999.0, 1009.0) == 0.0
    assert STATE.doubt(999.0, 1009.0) == 1.0


def test_a_pod_without_a_clock_has_no_offset() -> None:
    assert HostState(1, 2, None, True).offset(1.0, 2.0) is None


def test_the_script_tells_when_it_began_and_how_long_it_looked(tmp_path) -> None:
    said = subprocess.run(
        ["bash", "-c", HOST, "hybridspan", str(tmp_path)], text=True, capture_output=True, check=True
    ).stdout
    found = parse_host(said)
    assert said.startswith("clock ")
    assert found.clock is not None
    assert 0 <= found.seconds < 60
    assert found.data_bytes is not None


@pytest.mark.parametrize("text", ["", "clock yesterday\n", "clock \nend 5\n"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert (parse_host(text).clock, parse_host(text).seconds) == (None, 0.0)


def test_logs_of_commits_are_no_data_that_would_be_copied(tmp_path) -> None:
    for name, size in (("data", 100_000), ("commitlog", 8_000_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"x" * size)
    said = subprocess.run(["bash", "-c", HOST, "hybridspan", str(tmp_path)], text=True, capture_output=True)
    assert 100_000 <= (parse_host(said.stdout).data_bytes or 0) < 200_000
