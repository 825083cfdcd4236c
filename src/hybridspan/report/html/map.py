"""The picture of the topology: a card for each region with network, cluster and data center, and the peerings between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from hybridspan.facts.azure import NetworkFacts
from hybridspan.facts.cassandra import RingNode
from hybridspan.facts.world import RegionFacts
from hybridspan.report.html.elements import Markup, tag
from hybridspan.report.html.style import DATACENTER_COLOURS
from hybridspan.report.model import RunReport
from hybridspan.topology.model import Region

CARD, GAP, ROW, TOP, PER_ROW = 310, 130, 330, 96, 3
GOOD, BAD, IDLE = "#0e9f6e", "#d5483f", "#9aa6b8"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a region's card stands."""

    x: float
    y: float
    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Wire:
    """A peering as it is drawn: its colour, its words."""

    colour: str
    words: str


def colours(report: RunReport) -> Mapping[str, str]:
    """Data center → colour, the same all over the page."""
    declared = [str(region.datacenter) for region in report.topology.regions]
    seen = report.ring.datacenters if report.ring else ()
    names = dict.fromkeys([*declared, *seen])
    return {name: DATACENTER_COLOURS[i % len(DATACENTER_COLOURS)] for i, name in enumerate(names)}


def topology_map(report: RunReport) -> Markup:
    """The picture as SVG, readable without colours: every state is also a word."""
    regions = report.topology.regions
    spots = _spots(len(regions))
    columns = min(len(regions), PER_ROW)
    width = columns * CARD + (columns - 1) * GAP
    height = max(spot.y for spot in spots) + ROW - 24
    drawn = [_wire(report, spots, a, b) for a, b in combinations(range(len(regions)), 2)]
    cards = [_card(report, region, spot) for region, spot in zip(regions, spots, strict=True)]
    names = ", ".join(region.name for region in regions)
    box = f"-2 0 {width + 4:.0f} {height:.0f}"
    label = f"Regions {names} and their peerings"
    # One or two cards as wide as the page would be out of proportion with everything else.
    size = f"max-width:{width * 1.12:.0f}px;margin:0 auto"
    return tag("svg", *drawn, *cards, viewBox=box, role="img", aria_label=label, style=size)


def _spots(count: int) -> list[Spot]:
    # One row needs room above it only where arcs pass over a card.
    top = TOP if count > 2 else 8
    return [
        Spot((i % PER_ROW) * (CARD + GAP), top + (i // PER_ROW) * (ROW + 40), i % PER_ROW, i // PER_ROW)
        for i in range(count)
    ]


def _wire(report: RunReport, spots: list[Spot], first: int, second: int) -> Markup:
    wire = _peering(report, report.topology.regions[first], report.topology.regions[second])
    one, other = spots[first], spots[second]
    middle = CARD / 2
    if one.row == other.row and other.column - one.column == 1:
        y = one.y + 96
        path, label = f"M{one.x + CARD} {y} L{other.x} {y}", (one.x + CARD + GAP / 2, y)
    elif one.row == other.row:
        top = one.y - 2 * (TOP - 30)
        centre = (one.x + other.x) / 2 + middle
        path = f"M{one.x + middle} {one.y} Q{centre} {top} {other.x + middle} {other.y}"
        label = (centre, one.y - (TOP - 30))
    else:
        x1, y1, x2, y2 = one.x + middle, one.y + ROW - 32, other.x + middle, other.y
        path, label = f"M{x1} {y1} L{x2} {y2}", ((x1 + x2) / 2, (y1 + y2) / 2)
    line = tag(
        "path",
        d=path,
        class_="wire",
        stroke=wire.colour,
        stroke_dasharray=None if wire.colour == GOOD else "7 6",
    )
    return Markup(line + _label(wire, *label))


def _label(wire: Wire, x: float, y: float) -> Markup:
    width = 7.2 * len(wire.words) + 14
    halo = tag(
        "rect", x=x - width / 2, y=y - 11, width=width, height=22, rx=11, class_="halo", stroke=wire.colour
    )
    words = tag(
        "text",
        wire.words,
        x=x,
        y=y + 4,
        text_anchor="middle",
        class_="small",
        style=f"fill:{wire.colour};font-weight:600",
    )
    return Markup(halo + words)


def _peering(report: RunReport, one: Region, other: Region) -> Wire:
    here, there = _network(report, one), _network(report, other)
    if here is None or there is None:
        return Wire(IDLE, "not yet peered")
    outward, back = here.peering_to(there.id), there.peering_to(here.id)
    if outward is None and back is None:
        return Wire(IDLE, "not peered")
    if outward and back and outward.carries_traffic and back.carries_traffic:
        return Wire(GOOD, "Connected")
    states = {p.state if not p.carries_traffic else "one way" for p in (outward, back) if p}
    return Wire(BAD, " / ".join(sorted(states)))


def _facts(report: RunReport, region: Region) -> RegionFacts | None:
    return report.facts.regions.get(region.name) if report.facts else None


def _network(report: RunReport, region: Region) -> NetworkFacts | None:
    facts = _facts(report, region)
    return facts.azure.network if facts else None


def _card(report: RunReport, region: Region, spot: Spot) -> Markup:
    facts, colour = _facts(report, region), colours(report)[region.datacenter]
    cluster = facts.azure.cluster if facts else None
    nodes = sum(pool.count for pool in region.cluster.node_pools)
    version = (
        f"Kubernetes {cluster.kubernetes_version}, {nodes} nodes"
        if cluster
        else f"not created yet, {nodes} nodes declared"
    )
    exists = "" if _network(report, region) else ", not created yet"
    parts = [
        tag("rect", width=CARD, height=ROW - 32, rx=16, class_="card"),
        tag("rect", width=CARD, height=5, rx=2.5, fill=colour),
        tag("text", region.name, x=20, y=36, class_="big"),
        tag("text", region.role, x=CARD - 20, y=35, text_anchor="end", class_="small"),
        _box(56, 74, region.network.name, _ranges(region) + exists, region.network.subnet),
        _cluster(140, region, version),
        *_datacenter(report, region, colour),
    ]
    return tag("g", *parts, transform=f"translate({spot.x:.0f} {spot.y:.0f})")


def _ranges(region: Region) -> str:
    return "network " + ", ".join(map(str, region.network.address_prefixes))


def _box(y: float, height: float, title: str, line: str, subnet: object) -> Markup:
    words = [
        tag("rect", x=14, y=y, width=CARD - 28, height=height, rx=10, class_="box"),
        tag("text", _short(title), x=26, y=y + 22),
        tag("text", line, x=26, y=y + 41, class_="small"),
        tag("text", f"subnet {getattr(subnet, 'prefix', '')}", x=26, y=y + 59, class_="small"),
    ]
    return Markup("".join(words))


def _cluster(y: float, region: Region, version: str) -> Markup:
    words = [
        tag("text", _short(region.cluster.name), x=26, y=y + 18),
        tag("text", version, x=26, y=y + 36, class_="small"),
    ]
    return Markup("".join(words))


def _datacenter(report: RunReport, region: Region, colour: str) -> list[Markup]:
    nodes = report.ring.of(region.datacenter) if report.ring else ()
    up = sum(node.is_up_normal for node in nodes)
    words = f"{up} of {len(nodes)} nodes UN" if nodes else "no node yet"
    parts = [
        tag("text", region.datacenter, x=26, y=208, style=f"fill:{colour};font-weight:650"),
        tag("text", words, x=CARD - 26, y=208, text_anchor="end", class_="small"),
    ]
    count = max(len(nodes), region.cassandra_nodes)
    step = min(92.0, (CARD - 34) / max(count, 1))
    start = CARD / 2 - step * (count - 1) / 2
    for i in range(count):
        parts += _node(nodes[i] if i < len(nodes) else None, start + i * step, colour, named=step > 70)
    return parts


def _node(node: RingNode | None, x: float, colour: str, *, named: bool) -> list[Markup]:
    if node is None:
        return [
            tag(
                "circle",
                cx=x,
                cy=240,
                r=16,
                fill="none",
                stroke=IDLE,
                stroke_dasharray="3 3",
                stroke_width=1.5,
            )
        ]
    fill = colour if node.is_up_normal else BAD
    drawn = [
        tag("circle", cx=x, cy=240, r=16, fill=fill),
        tag(
            "text",
            node.status + node.state,
            x=x,
            y=244,
            text_anchor="middle",
            class_="white small",
            fill="#fff",
        ),
    ]
    if named:
        drawn.append(tag("text", node.address, x=x, y=275, text_anchor="middle", class_="small"))
    return drawn


def _short(text: str, most: int = 34) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
