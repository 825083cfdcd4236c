"""What the machines below Cassandra's pods have to say: clocks, names, disks, one release. Pure, from facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from hybridspan.cassandra.streaming import readable_bytes
from hybridspan.facts.cassandra import NodeFacts, RingFacts
from hybridspan.facts.world import Finding, Severity
from hybridspan.topology.model import Region

CLOCK_SECONDS: Final = 0.5
"""Clocks further apart than this may order writes wrongly."""


def clock_findings(regions: Mapping[str, Sequence[NodeFacts]]) -> list[Finding]:
    """Whether all nodes of all regions have one time; and whether it is this machine's, in which the journal is kept."""
    known = {
        f"{name}, pod {node.pod}": (node.clock_offset_seconds, node.clock_doubt_seconds)
        for name, nodes in regions.items()
        for node in nodes
        if node.clock_offset_seconds is not None
    }
    if not known:
        return []
    slow, fast = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    (low, low_doubt), (high, high_doubt) = known[slow], known[fast]
    if high - low > CLOCK_SECONDS + low_doubt + high_doubt:
        words = f"the clock of {slow} is {high - low:.1f} s behind that of {fast}"
        hint = "writes are ordered by these clocks, and a late one wins or loses wrongly: look at both machines' time service"
        return [Finding("clock", "warn", ", ".join(regions), words, hint)]
    if abs(low) > CLOCK_SECONDS + low_doubt:
        words = f"this machine's clock is {abs(low):.1f} s {'behind' if low > 0 else 'ahead of'} that of all {len(known)} nodes"
        hint = "look at this machine's time service: the journal and the age of repairs are in its time"
        return [Finding("clock", "warn", "this machine", words, hint)]
    return [Finding("clock", "pass", ", ".join(regions), f"the clocks of {len(known)} nodes agree")]


def node_findings(region: Region, nodes: Sequence[NodeFacts]) -> list[Finding]:
    """Own name and disk of each pod of a region."""
    found: list[Finding] = []
    for node in nodes:
        where = f"{region.name}, pod {node.pod}"
        if node.own_name_resolves is False:
            words = "the pod cannot resolve its own name"
            hint = "look at the cluster's DNS and the pod's service"
            found.append(Finding("own-name", "warn", where, words, hint))
        if node.data_bytes and node.disk_free_bytes is not None and node.disk_free_bytes < node.data_bytes:
            words = f"{readable_bytes(node.disk_free_bytes)} free beside {readable_bytes(node.data_bytes)} of data"
            hint = "compaction may need as much again as there is data"
            found.append(Finding("disk", "warn", where, words, hint))
    if nodes and not found:
        sizes = ", ".join(readable_bytes(n.data_bytes or 0) for n in nodes)
        words = f"own names and disks are good; data: {sizes}"
        found.append(Finding("nodes", "pass", region.name, words))
    return found


def release_finding(ring: RingFacts, where: str) -> Finding:
    """Whether every node runs the same Cassandra: files of one major release are no use to another."""
    if len(ring.releases) <= 1 and ring.before_4:
        words = (
            f"every node runs Cassandra {ring.before_4}, which cannot compare replicas: all is carried out, and it ends as"
            " replicated, not proved (exit code 3)"
        )
        hint = (
            "verify --count counts rows afterwards; only an upgrade to 4.0, before or later, brings a proof"
        )
        return Finding("cassandra-version", "warn", where, words, hint)
    if len(ring.releases) <= 1:
        words = f"every node runs Cassandra {ring.cassandra_version}"
        return Finding("cassandra-version", "pass", where, words)
    groups = "; ".join(f"{release}: {', '.join(nodes)}" for release, nodes in sorted(ring.releases.items()))
    lines = {".".join(release.split(".")[:2]) for release in ring.releases}
    severity: Severity = "refuse" if len(lines) > 1 else "warn"
    words = f"the nodes do not run one Cassandra: {groups}"
    hint = "finish the upgrade in every region first; then plan again"
    return Finding("cassandra-version", severity, where, words, hint)
