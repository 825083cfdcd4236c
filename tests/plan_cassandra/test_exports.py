"""The exported script and pages, from a ring with one data center: complete before anything of the new one exists."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hybridspan.facts.cassandra import KeyspaceFacts
from hybridspan.plan.build import build
from hybridspan.plan.export import export
from hybridspan.plan.model import Command, Plan
from hybridspan.topology.model import Topology
from tests.plan_cassandra.world import BEFORE, nts, ring, simple, three_regions, world


@pytest.fixture
def topology() -> Topology:
    return three_regions()


@pytest.fixture
def plan(topology: Topology) -> Plan:
    return build(topology, world(topology, ring({**BEFORE, "system_auth": simple(1)}, "dc-1")))


def test_bash_can_read_the_script(plan: Plan, topology: Topology) -> None:
    read = subprocess.run(
        ["bash", "-n"], input=export(plan, topology, "run.sh"), text=True, capture_output=True
    )
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize("name", ["run.sh", "runbook.md", "back-out.md"])
def test_no_export_has_a_gap(plan: Plan, topology: Topology, name: str) -> None:
    assert not re.search(r"<[a-z_-]+>|TODO|\bNone\b|HOST_ID", export(plan, topology, name))


@pytest.mark.parametrize("keyspace", sorted(BEFORE))
def test_every_keyspace_is_altered_for_every_new_region(
    plan: Plan, topology: Topology, keyspace: str
) -> None:
    statements = re.findall(rf"ALTER KEYSPACE {keyspace} WITH.*", export(plan, topology, "run.sh"))
    assert any("dc-2" in s and "dc-3" not in s for s in statements)
    assert any("dc-2" in s and "dc-3" in s for s in statements)


def test_a_script_that_could_prove_nothing_says_so_at_its_end_and_ends_as_apply_does(
    topology: Topology,
) -> None:
    older = replace(ring(BEFORE, "dc-1"), releases={"3.11.17": ("a", "b")})
    exported = export(build(topology, world(topology, older)), topology, "run.sh")
    words = "Cassandra 3.11.17 cannot compare replicas"
    last = exported[exported.rindex("\necho\n") :]
    done = subprocess.run(["bash", "-c", f"set -euo pipefail\n{last}"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "\n")
    assert f"dc-2 is replicated, not proved: {words}; dc-3 is replicated, not proved: {words}" in done.stderr


def test_a_script_whose_steps_can_prove_all_ends_well(plan: Plan, topology: Topology) -> None:
    assert export(plan, topology, "run.sh").endswith("\necho\necho 'all steps are done'\n")


def test_a_second_start_moves_nothing_back_from_simple_strategy(plan: Plan) -> None:
    moved = plan.step("simple-keyspaces/eastus").commands[0].text()
    assert "[[ $HELD != *SimpleStrategy* ]] ||" in moved


def test_a_second_start_puts_no_seed_back(plan: Plan) -> None:
    assert "get apigeeds default" in plan.step("seed/centralus").commands[-1].text()


def test_the_datastore_is_deleted_only_after_its_nodes_have_left(plan: Plan, topology: Topology) -> None:
    text = export(plan, topology, "back-out.md")
    left, deleted = text.index("nodetool decommission"), text.index("apigeectl delete --datastore")
    assert left < deleted
    assert "delete --all " not in text


def test_a_refused_plan_stops_the_script_before_its_first_step(plan: Plan, topology: Topology) -> None:
    text = export(plan, topology, "run.sh")
    assert plan.refusals
    assert text.index("fail 'the plan is refused") < text.index("step group/")


@pytest.fixture
def said(tmp_path: Path) -> Callable[..., int]:
    """The exit code of a verification's commands where kubectl's nodetool says one text after the other."""
    program = tmp_path / "kubectl"
    program.write_text(f"""#!/bin/bash
n=$(cat {tmp_path}/count 2>/dev/null || echo 0); echo $((n + 1)) >{tmp_path}/count
[[ -f {tmp_path}/$n ]] || exit 9
cat {tmp_path}/$n
""")
    program.chmod(0o755)
    (tmp_path / "password").write_text("jmxuser x")

    def run(command: Command, *texts: str) -> int:
        for number, text in enumerate(texts):
            (tmp_path / str(number)).write_text(text)
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "JMX_PASSWORD_FILE": str(tmp_path / "password"),
        }
        done = subprocess.run(
            ["bash", "-c", f"set -euo pipefail\n{command.text()}"], env=environment, capture_output=True
        )
        return done.returncode

    return run


AGREES, ALONE = "Previewed data was in sync\n", "No repair is needed for keyspace 'perses'\n"
DIFFERS = "Total estimated streaming: 12 ranges\n"


def of(
    keyspace: str, verdict: str, end: str = "[2026-11-24] Repair command #91 finished in 0 seconds\n"
) -> str:
    """One keyspace's part of what nodetool says."""
    start = f"[2026-11-24] Starting repair command #91 (e2eb), repairing keyspace {keyspace} with repair options (x)\n"
    return start + verdict + end


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        ([AGREES * 4], 0),
        ([AGREES * 3 + ALONE], 0),
        # A row that was on its way, and an answer that got lost: the next look has both.
        ([AGREES * 3 + DIFFERS, AGREES * 4], 0),
        ([AGREES * 3, AGREES * 4], 0),
        ([AGREES * 3 + DIFFERS] * 3, 1),
        ([AGREES * 3] * 3, 1),
        ([""] * 3, 1),
        # Traces are of whoever traces: looked at, and no more.
        ([of("kms", AGREES) + of("system_traces", DIFFERS) + AGREES * 2], 0),
        ([of("kms", AGREES) + of("system_traces", AGREES) + AGREES * 2], 0),
        ([of("kms", DIFFERS) + of("system_traces", AGREES) + AGREES * 2] * 3, 1),
        ([of("system_traces", DIFFERS) + of("kms", DIFFERS) + AGREES * 2] * 3, 1),
        # What got lost of theirs is no word on the keyspace that follows.
        ([of("system_traces", DIFFERS, end="") + DIFFERS + AGREES * 2] * 3, 1),
        ([of("system_traces", AGREES, end="") + DIFFERS + AGREES * 2] * 3, 1),
        ([of("system_traces", "", end="") + of("kms", DIFFERS) + AGREES * 3] * 3, 1),
        ([of("system_traces", DIFFERS) + of("kms", "") + AGREES * 2] * 3, 1),
        ([], 9),
    ],
)
def test_the_script_takes_nothing_for_a_proof_but_cassandras_word_on_every_keyspace(
    plan: Plan, said: Callable[..., int], texts: list[str], code: int
) -> None:
    """Five keyspaces are replicated in this ring, and nodetool leaves system_distributed out unless it is named."""
    assert said(plan.step("verify/centralus").commands[1], *texts) == code


def test_the_script_expects_no_word_on_a_keyspace_without_tables(
    topology: Topology, said: Callable[..., int]
) -> None:
    """Cassandra skips it as empty and gives no verdict."""
    full = ring({**BEFORE, "system_auth": simple(1)}, "dc-1")
    bare = replace(full, keyspaces=(*full.keyspaces, KeyspaceFacts("made_for_later", nts(dc_1=3))))
    compared = build(topology, world(topology, bare)).step("verify/centralus").commands[1]
    assert said(compared, AGREES * 4) == 0


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        ([AGREES], 0),
        (["", AGREES], 0),
        # It differs by every repair, and proves nothing of anybody's data: it is said, and no more.
        ([DIFFERS] * 3, 0),
        ([""] * 3, 1),
        ([], 9),
    ],
)
def test_the_script_compares_cassandras_own_history_by_its_name(
    plan: Plan, said: Callable[..., int], texts: list[str], code: int
) -> None:
    named = [c for c in plan.step("verify/centralus").commands if "--full system_distributed" in c.text()]
    assert len(named) == 3
    assert [said(command, *texts) for command in named[:1]] == [code]


UP = "UN  120.38.1.9  1 MiB\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [(UP * 6, 0), (UP * 9, 0), (UP * 5, 1), ("", 1), (UP * 6 + "DN  x\n", 1), (UP * 6 + "UJ  x\n", 1)],
)
def test_the_script_goes_on_only_where_every_node_is_up(
    plan: Plan, said: Callable[..., int], text: str, code: int
) -> None:
    assert said(plan.step("verify/centralus").commands[0], text) == code


def test_the_script_logs_in_through_every_new_node(plan: Plan) -> None:
    texts = [c.text() for c in plan.step("auth-keyspace/centralus").commands]
    repairs = [n for n, text in enumerate(texts) if "repair -full system_auth" in text]
    logins = [n for n, text in enumerate(texts) if "SELECT release_version" in text]
    assert (len(repairs), len(logins)) == (3, 3)
    assert max(repairs) < min(logins)


@pytest.mark.parametrize("name", ["runbook.md", "back-out.md"])
def test_a_page_that_makes_files_with_passwords_takes_them_away_again(
    plan: Plan, topology: Topology, name: str
) -> None:
    text = export(plan, topology, name)
    assert text.index('mkdir -p "$HOME/.hybridspan-passwords"') < text.index(
        'rm -r "$HOME/.hybridspan-passwords"'
    )


def test_a_runbook_of_a_refused_plan_says_so_before_anything_else(plan: Plan, topology: Topology) -> None:
    text = export(plan, topology, "runbook.md")
    assert text.index("do not carry it out") < text.index("## Get ready")
    allowed = replace(plan, steps=tuple(s for s in plan.steps if s.decision.state != "refused"))
    assert "do not carry it out" not in export(allowed, topology, "runbook.md")


@pytest.mark.parametrize(
    ("pods", "installed", "code", "written"),
    [
        ("120.38.1.9 120.38.1.10", False, 0, True),
        ("120.38.1.91 120.38.1.10", False, 1, False),
        ("", False, 1, False),
        ("120.38.1.91", True, 0, False),
    ],
)
def test_the_script_writes_no_seed_that_is_gone(
    tmp_path: Path, topology: Topology, plan: Plan, pods: str, installed: bool, code: int, written: bool
) -> None:
    """A pod that restarts gets another address; a region that has joined wants no seed at all."""
    program = tmp_path / "kubectl"
    program.write_text(f"""#!/bin/bash
case "$*" in *apigeeds*) exit {0 if installed else 1};; *) printf '%s' '{pods}';; esac
""")
    program.chmod(0o755)
    overrides = tmp_path / "overrides.yaml"
    overrides.write_text("cassandra:\n  datacenter: dc-2\n")
    text = plan.step("seed/centralus").commands[1].text()
    text = text.replace(str(topology.region("centralus").overrides), str(overrides))
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", f"set -euo pipefail\n{text}"], env=environment, capture_output=True)
    assert (done.returncode, "  multiRegionSeedHost: 120.38.1.9\n" in overrides.read_text()) == (
        code,
        written,
    )
