from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from hybridspan.facts.cassandra import RebuildFacts
from hybridspan.facts.world import Unseen, WorldFacts
from hybridspan.plan.model import Command, refused
from hybridspan.report.amounts import amount, duration
from hybridspan.report.live import OneLine, PlainLines, display
from hybridspan.report.model import Difference, Verdict
from hybridspan.report.rendering import Rendered
from hybridspan.report.status import render_status
from hybridspan.report.text import plan_sum, render_findings, render_plan
from hybridspan.report.verification import render_verification, verification_sum
from hybridspan.verification.model import VerificationResult


def on_a_terminal(rendered: Rendered) -> str:
    stream = io.StringIO()
    Console(file=stream, force_terminal=True, width=120, color_system=None).print(rendered)
    return stream.getvalue()


def test_a_plan_shows_each_step_with_its_reason_and_its_command(plan):
    for text in (str(render_plan(plan)), on_a_terminal(render_plan(plan))):
        assert "there is none" in text
        assert "$ az aks create --name apigee-centralus" in text
        assert "no simple way back: the first node joins the ring" in text
        assert "2 steps to do (1 of them decided when their turn comes), 1 as they should be." in text


def test_plain_lines_are_never_cut(plan):
    step = replace(plan.steps[1], commands=(replace(plan.steps[1].commands[0], argv=("az", "x" * 400)),))
    stream = io.StringIO()
    render_plan(replace(plan, steps=(step,))).show(stream)
    assert "x" * 400 in stream.getvalue()


def test_square_brackets_of_commands_are_no_markup(plan):
    step = replace(plan.steps[1], decision=refused("ranges [1,2] differ [/bold]", "look at [x]"))
    assert "ranges [1,2] differ [/bold]" in on_a_terminal(render_plan(replace(plan, steps=(step,))))


def test_a_refused_plan_says_so_last(plan):
    step = replace(plan.steps[1], decision=refused("a pod range covers the network", "choose another"))
    assert plan_sum(replace(plan, steps=(step,))).startswith("This plan must not be applied")


def test_a_plan_without_anything_to_do_says_so(plan):
    assert (
        plan_sum(replace(plan, steps=plan.steps[:1])) == "Nothing to do: all 1 steps are as they should be."
    )


def test_the_gravest_finding_stands_first(facts):
    assert str(render_findings(facts.findings)).splitlines()[0].startswith("warn")


def test_status_shows_peerings_ring_and_matrix(topology, facts):
    text = str(render_status(topology, facts))
    assert "between=eastus, westeurope  there=Connected  back=Connected" in text
    assert "state=UN  address=120.38.1.9" in text
    assert "keyspace=system_auth  dc-1=1  dc-2=1  dc-3=1" in text
    assert "schema: all nodes agree" in text
    assert "Replication" in on_a_terminal(render_status(topology, facts))


def test_status_of_nothing_says_that_no_node_answers(topology):
    assert "no Cassandra node answers" in str(render_status(topology, WorldFacts(0.0, {}, None)))


def test_a_schema_disagreement_names_the_nodes(topology, facts):
    ring = replace(facts.ring, schema_versions={"a": ("10.0.0.1",), "UNREACHABLE": ("10.0.0.2",)})
    text = str(render_status(topology, replace(facts, ring=ring)))
    assert "schema: no agreement: a on 10.0.0.1; UNREACHABLE on 10.0.0.2" in text


def compared(*verdicts: Verdict, problems: tuple[str, ...] = ()) -> VerificationResult:
    return VerificationResult("dc-2", "dc-1", problems, verdicts)


def test_a_difference_names_node_range_and_table():
    found = compared(
        Verdict("kms_", "different", "1 range", (Difference("192.138.0.9", "(1,2]", "kms_.app"),))
    )
    for text in (str(render_verification([found])), on_a_terminal(render_verification([found]))):
        assert "kms_.app on 192.138.0.9, range (1,2]" in text
        assert "dc-2 compared with dc-1" in text


def test_counted_rows_stand_beside_the_keyspace():
    found = compared(Verdict("kms_", "same", "agrees", (), {"dc-1": 5000, "dc-2": 5000}))
    assert "proved     kms_: agrees (5,000 rows in dc-1, 5,000 rows in dc-2)" in str(
        render_verification([found])
    )


def test_what_could_not_be_compared_is_never_called_proved():
    same = Verdict("a", "same", "")
    assert verification_sum([compared(same, Verdict("b", "unproved", ""))]) == "Replicated, not proved: dc-2."
    assert verification_sum([]).startswith("Replicated, not proved")
    assert verification_sum([compared(same)]) == "Proved: dc-2 holds what the others hold."


def test_a_data_center_with_problems_is_not_called_replicated():
    missing = compared(problems=("dc-2 has 0 nodes in the ring, 3 are declared",))
    assert verification_sum([missing]).startswith("Not proved: dc-2 is not what is declared")


def test_amounts_read_well():
    assert [amount(n) for n in (None, 0, 1023, 1024, 5 * 1024**3)] == [
        "unknown",
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 GiB",
    ]
    assert [duration(n) for n in (0, 0.44, 12.3, 185, 7800)] == [
        "0 s",
        "0.4 s",
        "12 s",
        "3 min 05 s",
        "2 h 10 min",
    ]


def test_a_step_that_was_not_agreed_to_is_not_called_unchanged(plan):
    stream = io.StringIO()
    shown = PlainLines(stream)
    shown.event("finished", plan.steps[0], {"state": "not-reached", "reason": "not agreed to: it joins"})
    assert "stopped" in stream.getvalue()


def test_what_pods_say_in_turns_is_said_once_each(plan):
    stream = io.StringIO()
    shown = PlainLines(stream)
    for _ in range(3):
        for pod in ("pod-0", "pod-1", "pod-2"):
            shown.event("progress", plan.steps[0], {"text": f"repairing system_auth on {pod} (0%)"})
    assert stream.getvalue().count("\n") == 3


REBUILD = RebuildFacts(
    "apigee-cassandra-default-1", "dc-2", "kms", 2, 5, 12 * 2**20, 40 * 2**20, 7, seconds_left=95.0
)


def test_status_shows_how_far_each_rebuild_is(topology, facts):
    words = str(render_status(topology, replace(facts, rebuilds=(REBUILD,))))
    (line,) = [line for line in words.splitlines() if line.startswith("rebuilds: ")]
    assert "node=apigee-cassandra-default-1" in line
    assert "received=12.0 MiB of about 40.0 MiB (30%)  files=7  keyspaces=2 of 5  now=kms  left=95 s" in line


def test_a_rebuild_without_a_rate_does_not_invent_a_time(topology, facts):
    fresh = replace(REBUILD, seconds_left=None)
    assert "left=not known yet" in str(render_status(topology, replace(facts, rebuilds=(fresh,))))


def test_status_without_a_rebuild_says_nothing_of_it(topology, facts):
    assert "rebuilds" not in str(render_status(topology, facts))


def test_a_brief_plan_has_what_is_to_be_done_and_no_command(plan):
    for text in (str(render_plan(plan, brief=True)), on_a_terminal(render_plan(plan, brief=True))):
        assert "there is none" in text
        assert "no simple way back: the first node joins the ring" in text
        assert "= 1 step is as it should be and not shown" in text
        assert "turn them on" in text
        assert "az aks create" not in text
        assert text.rstrip().endswith("hybridspan plan hybrid.yaml --export run.sh")


def test_what_pre_flight_found_stands_after_the_steps_right_above_the_sum(plan):
    for text in (str(render_plan(plan)), on_a_terminal(render_plan(plan))):
        places = [text.index(words) for words in ("Cassandra joins", "turn them on", "2 steps to do")]
        assert places == sorted(places)


def test_a_long_way_into_a_pod_is_shown_by_what_is_done_there(plan):
    long = Command(script="kubectl exec … " * 9, gist="nodetool status   # in a, pod-0")
    text = str(render_plan(replace(plan, steps=(replace(plan.steps[1], commands=(long,)),))))
    assert "$ nodetool status   # in a, pod-0" in text
    assert "kubectl" not in text


def test_a_remark_of_several_commands_is_said_once(plan):
    command = Command(argv=("az", "x"), comment="look twice")
    text = str(render_plan(replace(plan, steps=(replace(plan.steps[1], commands=(command, command)),))))
    assert text.count("# look twice") == 1
    assert text.count("$ az x") == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_written_over_on_a_terminal_and_gone_at_the_end():
    stream = Terminal()
    with OneLine(stream) as progress:
        progress("comparing kms", 0.5, {})
        progress("comparing kvm", None, {})
    assert stream.getvalue() == "\rcomparing kms (50%)\x1b[K\rcomparing kvm\x1b[K\r\x1b[K"


def test_progress_is_a_line_each_where_there_is_no_terminal_and_no_line_twice_of_a_node():
    stream = io.StringIO()
    with OneLine(stream) as progress:
        for node in ("pod-0", "pod-1", "pod-0", "pod-1"):
            progress(f"comparing kms through {node}", 0.5, {"node": node})
        progress("comparing kvm through pod-0", 0.5, {"node": "pod-0"})
    assert stream.getvalue() == (
        "comparing kms through pod-0\ncomparing kms through pod-1\ncomparing kvm through pod-0\n"
    )


def test_a_run_on_a_terminal_shows_mark_step_words_and_time(plan, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "30")
    stream = Terminal()
    first, second, third = plan.steps
    with display(plan.steps, stream) as shown:
        shown.event("checking", first, {})
        shown.event("finished", first, {"state": "unchanged", "reason": "it exists"})
        shown.event("acting", second, {"reason": "there is none"})
        shown.event("finished", second, {"state": "changed", "reason": "4 nodes are ready"})
        shown.event("progress", third, {"text": "2 of 3 nodes are up", "fraction": 0.66})
    last = plain(stream.getvalue()).splitlines()[-3:]
    assert last[0].strip() == "= 1 step as they should be"
    assert re.fullmatch(r"✓ cluster/centralus +4 nodes are ready +\d\.\d s", last[1].strip())
    assert re.fullmatch(r"▸ datastore/centralus +2 of 3 nodes are up \(66%\) +\d\.\d s", last[2].strip())


def plain(text: str) -> str:
    """Without what moves the cursor and gives colour."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_status_says_first_what_it_could_not_see_and_calls_none_of_that_none(topology, facts):
    error = {"code": "HS-KUBE-002", "message": "the API server does not answer", "hint": "az aks show"}
    regions = {**facts.regions, "centralus": replace(facts.regions["centralus"], cluster=None, apigee=None)}
    partial = replace(facts, regions=regions, unseen=(Unseen("centralus", "cluster", error),))
    lines = render_status(topology, partial).lines
    assert lines[:2] == (
        "not seen: cluster of centralus: HS-KUBE-002 the API server does not answer",
        "  next   az aks show",
    )
    (row,) = [line for line in lines if line.startswith("regions: region=centralus")]
    assert "datastore=not seen  Cassandra=not seen  seed=not seen" in row
    assert "cluster=none" not in row


def test_a_region_of_which_azure_says_nothing_is_not_called_absent(topology, facts):
    error = {"code": "HS-AZURE-001", "message": "signing in to Azure failed"}
    partial = replace(facts, unseen=(Unseen("centralus", "Azure", error),))
    lines = [line for line in render_status(topology, partial).lines if "centralus" in line]
    assert "network=not seen" in next(line for line in lines if line.startswith("regions: "))
    assert all("=not seen" in line for line in lines if line.startswith("peerings: "))


@pytest.mark.parametrize(
    ("state", "problems", "words"),
    [
        ("different", (), "next: hybridspan verify hybrid.yaml --repair"),
        ("same", ("a node is down",), "next: see to the problems above"),
        ("unproved", (), "next: hybridspan verify hybrid.yaml --count"),
    ],
)
def test_what_is_not_proved_comes_with_the_next_move(state, problems, words):
    last = str(render_verification([compared(Verdict("kms_", state, ""), problems=problems)])).splitlines()[
        -1
    ]
    assert last.startswith(words)


def test_what_is_proved_needs_no_next_move():
    assert "next:" not in str(render_verification([compared(Verdict("kms_", "same", ""))]))


def test_several_data_centers_are_spoken_of_as_several():
    same = Verdict("a", "same", "")
    other = Verdict("a", "different", "", (Difference("192.138.0.9", "(1,2]", "a.t"),))
    third = replace(compared(same), datacenter="dc-3")
    assert verification_sum([compared(same), third]) == "Proved: dc-2, dc-3 hold what the others hold."
    both = [compared(other), replace(compared(other), datacenter="dc-3")]
    assert verification_sum(both) == "Different: dc-2, dc-3 do not hold what the others hold."


def test_networks_that_are_connected_otherwise_are_not_said_to_lack_a_peering(topology, facts):
    apart = tuple(
        replace(r, network=replace(r.network, connected="otherwise")) if r.name == "centralus" else r
        for r in topology.regions
    )
    bare = {
        name: replace(f, azure=replace(f.azure, network=replace(f.azure.network, peerings=())))
        for name, f in facts.regions.items()
    }
    text = str(render_status(replace(topology, regions=apart), replace(facts, regions=bare)))
    assert "between=eastus, centralus  there=otherwise  back=otherwise" in text


def test_the_command_that_goes_on_names_the_file(plan):
    file = "/srv/my regions.yaml"
    for text in (
        str(render_plan(plan, brief=True, file=file)),
        on_a_terminal(render_plan(plan, brief=True, file=file)),
    ):
        assert "hybridspan plan '/srv/my regions.yaml' --export run.sh" in " ".join(text.split())
    unproved = compared(Verdict("a", "unproved", ""))
    assert "hybridspan verify '/srv/my regions.yaml' --count" in str(render_verification([unproved], file))
    assert "--export" not in str(render_plan(plan, file=file))
