"""The ring: its nodes on a circle, and what each says of itself."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hybridspan.facts.cassandra import RingFacts
from hybridspan.report.amounts import amount
from hybridspan.report.html.elements import Markup, badge, table, tag
from hybridspan.report.html.style import DATACENTER_COLOURS

RADIUS, CENTRE = 100, 140


def ring_picture(ring: RingFacts, colours: Mapping[str, str]) -> Markup:
    """Nodes of the data centers in turn, as tokens interleave them."""
    by_center = [list(ring.of(datacenter)) for datacenter in ring.datacenters]
    longest = max(map(len, by_center), default=0)
    nodes = [group[i] for i in range(longest) for group in by_center if i < len(group)]
    parts = [
        tag("circle", cx=CENTRE, cy=CENTRE, r=RADIUS, fill="none", stroke="var(--line)", stroke_width=10)
    ]
    # Many nodes get smaller dots, which touch one another no more than few do.
    dot = min(20.0, 0.9 * math.pi * RADIUS / max(len(nodes), 1))
    for index, node in enumerate(nodes):
        angle = 2 * math.pi * index / len(nodes) - math.pi / 2
        x, y = CENTRE + RADIUS * math.cos(angle), CENTRE + RADIUS * math.sin(angle)
        fill = colours.get(node.datacenter, DATACENTER_COLOURS[-1]) if node.is_up_normal else "#d5483f"
        parts.append(
            tag("circle", tag("title", f"{node.address} {node.datacenter}"), cx=x, cy=y, r=dot, fill=fill)
        )
        state = node.status + node.state
        if dot > 12:
            parts.append(tag("text", state, x=x, y=y + 4, text_anchor="middle", class_="white"))
    words = ((f"{len(nodes)} nodes", "big", -4), (f"Cassandra {ring.cassandra_version or '?'}", "small", 16))
    parts += [tag("text", t, x=CENTRE, y=CENTRE + dy, text_anchor="middle", class_=c) for t, c, dy in words]
    return tag("svg", *parts, viewBox="0 0 280 280", role="img", aria_label=f"Ring of {len(nodes)} nodes")


def ring_table(ring: RingFacts, colours: Mapping[str, str]) -> Markup:
    """The lines of `nodetool status`, with colours."""
    rows: list[tuple[str | float | None, ...]] = [
        (
            badge(node.status + node.state, "good" if node.is_up_normal else "bad"),
            tag("span", node.address, class_="mono"),
            tag(
                "span",
                node.datacenter,
                style=f"color:{colours.get(node.datacenter, 'inherit')};font-weight:600",
            ),
            node.rack,
            tag("span", amount(node.load_bytes), class_="nowrap"),
            tag("span", node.host_id, class_="mono soft"),
        )
        for node in ring.nodes
    ]
    return table(("State", "Address", "Data center", "Rack", "Load", "Host id"), rows)
