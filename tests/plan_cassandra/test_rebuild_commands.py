"""The commands that a rebuild stands for, run with a kubectl that keeps what it is asked."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hybridspan.plan.model import Command
from hybridspan.plan.phases.rebuild import plan_rebuild
from tests.plan_cassandra.world import AFTER, BEFORE, ring, two_regions, world

POD = "apigee-cassandra-default-0"
HOST = "6f1c0f8e-0000-4000-8000-00000000000"


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., list[str]]:
    """What the node is asked to do, in order, when the commands are run against a node of that identity."""
    program, calls = tmp_path / "kubectl", tmp_path / "calls"
    program.write_text(f"""#!/bin/bash
words="$*"
case $words in
  *host_id*) printf ' host_id\\n------\\n %s\\n\\n(1 rows)\\n' "$(cat {tmp_path}/host)";;
  *DELETE*) echo "DELETE${{words#*DELETE}}" >>{calls}; [[ ! -f {tmp_path}/refuses ]];;
  *) echo "${{words##*nodetool }}" >>{calls};;
esac
""")
    program.chmod(0o755)
    (tmp_path / "password").write_text("secret")

    def run(commands: tuple[Command, ...], host: str, *, refuses: bool = False) -> list[str]:
        calls.write_text("")
        (tmp_path / "host").write_text(host)
        (tmp_path / "refuses").touch() if refuses else (tmp_path / "refuses").unlink(missing_ok=True)
        text = "\n".join(command.text() for command in commands)
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "ADMIN_PASSWORD_FILE": str(tmp_path / "password"),
            "JMX_PASSWORD_FILE": str(tmp_path / "password"),
        }
        ended = subprocess.run(
            ["bash", "-c", f"set -euo pipefail\n{text}"], cwd=tmp_path, env=environment, capture_output=True
        )
        assert (ended.returncode == 0) is not refuses, ended.stderr
        return calls.read_text().splitlines()

    return run


def commands(**decided: object) -> tuple[Command, ...]:
    topology = two_regions()
    facts = world(topology, ring(AFTER, "dc-1", "dc-2"), **decided)
    return plan_rebuild(topology, facts)[1].commands


def test_what_a_node_is_recorded_to_have_received_is_cleared_before_it_receives(
    asked: Callable[..., list[str]],
) -> None:
    first, *others = asked(commands(), f"{HOST}1")
    for name in AFTER:
        assert f"DELETE FROM system.available_ranges_v2 WHERE keyspace_name = '{name}';" in first
    assert others == [f"rebuild -ks {name} -- dc-1" for name in AFTER]


def test_a_second_start_does_not_throw_away_what_the_first_one_streamed(
    asked: Callable[..., list[str]],
) -> None:
    asked(commands(), f"{HOST}1")
    assert not [call for call in asked(commands(), f"{HOST}1") if call.startswith("DELETE")]


def test_a_node_that_took_the_place_of_another_is_cleared_too(asked: Callable[..., list[str]]) -> None:
    asked(commands(), f"{HOST}1")
    assert asked(commands(), f"{HOST}2")[0].startswith("DELETE")


def test_what_could_not_be_cleared_is_not_taken_for_cleared(asked: Callable[..., list[str]]) -> None:
    assert len(asked(commands(), f"{HOST}1", refuses=True)) == 1
    assert asked(commands(), f"{HOST}1")[0].startswith("DELETE")


def test_what_a_run_of_ours_began_to_stream_is_not_cleared(asked: Callable[..., list[str]]) -> None:
    begun = {"host_id": ring(AFTER, "dc-1", "dc-2").of("dc-2")[0].host_id, "begun": ["perses"]}
    first, *_ = asked(commands(**{f"rebuild__centralus__{POD}": begun}), f"{HOST}1")
    assert "system_auth" in first
    assert "perses" not in first


def test_a_release_before_4_has_its_record_in_another_table() -> None:
    topology = two_regions()
    older = replace(ring(BEFORE, "dc-1"), releases={"3.11.17": ("a", "b")})
    step = plan_rebuild(topology, world(topology, older))[1]
    assert "DELETE FROM system.available_ranges WHERE" in step.commands[0].text()
    assert "available_ranges_v2" not in "".join(c.text() for c in (*step.commands, *step.undo))
