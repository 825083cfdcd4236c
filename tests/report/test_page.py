from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from hybridspan.facts.world import WorldFacts
from hybridspan.report.html import page
from hybridspan.report.html.elements import Markup, tag
from hybridspan.report.html.ring import RADIUS, ring_picture
from hybridspan.report.html.style import STYLE
from hybridspan.report.html.timeline import Axis
from hybridspan.report.model import Difference, Verdict
from hybridspan.report.verdict import overall


class Balanced(HTMLParser):
    """Fails where an element is closed that is not the last one opened; keeps what would be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.loaded += [value for name, value in attrs if name in ("src", "srcset", "xlink:href", "data")]
        self.loaded += [
            value for name, value in attrs if name == "href" and not (value or "").startswith("#")
        ]
        if tag not in ("meta", "br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(text: str) -> Balanced:
    parser = Balanced()
    parser.feed(text)
    parser.close()
    return parser


def test_the_page_is_well_formed_and_loads_nothing(report):
    text = page(report)
    parser = parsed(text)
    assert (parser.open, parser.loaded) == ([], [])
    assert "<script" not in text
    assert not re.search(r"url\(|@import|https?://", text)


def test_the_page_shows_every_region_node_keyspace_and_command(report):
    text = page(report)
    for region in report.topology.regions:
        assert region.name in text
        assert region.network.name in text
    for node in report.ring.nodes:
        assert node.address in text
    assert "system_distributed" in text
    assert "az network vnet show" in text
    assert text.count(">Connected<") == 3


def test_on_paper_nothing_is_dark_and_nothing_stays_behind_a_mark():
    screen, _, paper = STYLE.partition("@media print")
    assert "prefers-color-scheme" not in screen.replace("@media screen and (prefers-color-scheme: dark)", "")
    assert "details::details-content { content-visibility:visible" in paper


@pytest.mark.parametrize("count", [3, 9, 40])
def test_the_dots_of_many_nodes_do_not_lie_on_one_another(report, count: int):
    nodes = tuple(replace(report.ring.nodes[0], address=f"10.0.0.{n}", host_id=f"h{n}") for n in range(count))
    svg = ring_picture(replace(report.ring, nodes=nodes), {})
    (radius,) = set(re.findall(r'r="([\d.]+)" fill="#', svg))
    assert 2 * float(radius) < 2 * RADIUS * math.sin(math.pi / count)


def test_a_finished_and_proved_installation_says_so(report):
    assert "Finished and proved" in page(report)


def test_what_comes_from_the_world_is_escaped(report):
    evil = replace(report.steps[2], title="<script>alert(1)</script>", reason='"><img src=x>')
    text = page(replace(report, steps=(evil,)))
    assert "<script" not in text
    assert parsed(text).loaded == []


def test_a_page_before_anything_exists_is_well_formed(report):
    bare = replace(report, facts=None, steps=(), acts=(), verdicts=())
    assert parsed(page(bare)).open == []
    assert parsed(page(replace(report, facts=WorldFacts(0.0, {}, None)))).open == []


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_map_is_drawn_for_any_number_of_regions(report, count):
    topology = replace(report.topology, regions=report.topology.regions[:count])
    assert parsed(page(replace(report, topology=topology))).open == []


def test_seven_regions_are_drawn_in_rows(report):
    regions = tuple(replace(report.topology.regions[0], name=f"r{i}", datacenter=f"dc-{i}") for i in range(7))
    assert parsed(page(replace(report, topology=replace(report.topology, regions=regions)))).open == []


def test_a_failure_is_the_headline(report):
    failed = replace(report.steps[4], state="failed", error="HS-AZURE-003 the peering is Disconnected")
    found = overall(replace(report, steps=(*report.steps, failed)))
    assert (found.kind, found.headline) == ("bad", "The run has stopped")
    assert "Disconnected" in found.detail


def test_a_difference_is_the_headline_even_when_all_steps_are_done(report):
    different = Verdict("kms_", "different", "1 range", (Difference("192.138.0.9", "(1,2]", "kms_.app"),))
    found = replace(report, verdicts=(*report.verdicts, different))
    assert overall(found).kind == "bad"
    assert "Ranges that differ" in page(found)


def test_without_a_comparison_nothing_is_called_proved(report):
    assert overall(replace(report, verdicts=())).headline == "Replicated, not proved"
    unproved = Verdict("kms_", "unproved", "Cassandra 3.11 has no preview")
    assert overall(replace(report, verdicts=(unproved,))).headline == "Replicated, not proved"


def test_steps_that_wait_are_counted(report):
    waiting = replace(report.steps[0], state="later")
    assert overall(replace(report, steps=(waiting,))).headline == "1 step is still to do"


def test_the_axis_leaves_out_the_time_between_runs():
    axis = Axis([(100.0, 110.0), (105.0, 120.0), (5000.0, 5010.0)])
    assert (axis.length, axis.breaks) == (30.0, 1)
    assert [axis.position(at) for at in (100.0, 120.0, 3000.0, 5000.0, 5010.0)] == [
        0.0,
        20.0,
        20.0,
        20.0,
        30.0,
    ]


def test_elements_escape_text_and_keep_markup():
    assert tag("p", "<b>", Markup("<i></i>"), None, title='"') == '<p title="&quot;">&lt;b&gt;<i></i></p>'


def test_what_preflight_found_wrong_is_open_with_its_next_move_and_what_is_right_is_counted(report):
    text = page(report)
    wrong, right = text.split("found nothing wrong")
    assert "Next: turn them on before the first ALTER" in wrong
    assert "3 of 3 nodes are UN" in right
    assert "1 check " in wrong[-20:]
