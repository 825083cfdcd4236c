"""Logs of containers."""

from __future__ import annotations

import asyncio

import pytest

from hybridspan_lab.kubelet.logfile import LogFile, LogRequest, followed_lines, recorded_lines


@pytest.fixture
def log(tmp_path):
    made = LogFile(tmp_path / "0.log")
    yield made
    if not made.is_closed:
        made.close()


def text(log, **wanted):
    return b"".join(recorded_lines(log.path, LogRequest(**wanted))[0])


def test_lines_come_back_as_they_were_written(log):
    log.write("stdout", b"one\ntw")
    log.write("stderr", b"err\n")
    log.write("stdout", b"o\n")
    assert text(log) == b"one\nerr\ntwo\n"


def test_an_unfinished_last_line_is_kept(log):
    log.write("stdout", b"one\nrest")
    log.close()
    assert text(log) == b"one\nrest"


def test_the_tail_may_be_asked_for(log):
    log.write("stdout", b"1\n2\n3\n")
    assert (text(log, tail=2), text(log, tail=0)) == (b"2\n3\n", b"")


def test_timestamps_stand_before_each_line(log):
    log.write("stdout", b"one\n")
    stamp, line = text(log, timestamps=True).split(b" ")
    assert stamp.endswith(b"Z")
    assert line == b"one\n"


def test_lines_before_a_moment_are_left_out(log):
    log.write("stdout", b"one\n")
    assert text(log, since="2999-01-01T00:00:00Z") == b""


def test_a_whole_second_is_before_its_parts(log):
    log.write("stdout", b"one\n")
    second = text(log, timestamps=True).decode().partition(".")[0]
    assert text(log, since=f"{second}Z") == b"one\n"


async def test_a_follower_sees_what_is_written_later_until_the_end(log):
    log.write("stdout", b"before\n")
    _, size = recorded_lines(log.path, LogRequest())
    seen = []

    async def follow():
        async for line in followed_lines(log, size, timestamps=False):
            seen.append(line)
            if line == b"later\n":
                log.write("stdout", b"last\n")
                log.close()

    following = asyncio.ensure_future(follow())
    await asyncio.sleep(0)
    log.write("stdout", b"later\n")
    await asyncio.wait_for(following, 60)
    assert seen == [b"later\n", b"last\n"]
