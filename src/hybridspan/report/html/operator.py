"""The page's part on Helm's releases and the copying by Apigee's operator."""

from __future__ import annotations

from hybridspan.facts.world import WorldFacts
from hybridspan.report import operator as seen
from hybridspan.report.html.elements import Markup, join, table, tag
from hybridspan.topology.model import Topology


def installed(topology: Topology, facts: WorldFacts) -> Markup | None:
    """Helm's releases side by side, and the operator's copying; None where there is neither."""
    rows, found = seen.release_rows(topology, facts), list(seen.copyings(topology, facts))
    if not (rows or found):
        return None
    nodes = [row for copying in found for row in seen.node_rows(copying)]
    causes = [tag("p", seen.cause_words(c.cause), class_="note") for c in found if c.cause is not None]
    return join(
        table(seen.release_heads(topology), list(rows)),
        table(seen.COPYING_HEADS, [tuple(seen.copying_row(c)) for c in found]) if found else None,
        table(seen.NODE_HEADS, [tuple(row) for row in nodes]) if nodes else None,
        *causes,
    )
