"""Apigee's definitions (CRDs): those of the operator's chart, whatever the first region has made of its own.

The first region's may be of another release than its installation: an upgrade with helm leaves them as they are, and the
separate `kubectl apply -k` is forgotten, or runs ahead. A new region is not measured by that alone.
"""

from __future__ import annotations

from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.world import Finding, WorldFacts
from hybridspan.plan.model import Decision, done, later, needed
from hybridspan.plan.phases.neighbours import definitions_kept
from hybridspan.plan.phases.unseen import NOT_YET
from hybridspan.topology.model import Topology


def decide_crds(first: ApigeeFacts | None, own: ApigeeFacts | None) -> Decision:
    """Whether the definitions must be applied: before anything else, or the operator ends at once."""
    if own is None:
        return later(NOT_YET)
    there = first.definitions if first else {}
    unlike_first = sorted(name for name, form in there.items() if own.definitions.get(name) != form)
    if own.definitions and not unlike_first:
        return done(f"{len(own.definitions)} definitions are as in the first region")
    return definitions_kept(_beside_the_chart(own, unlike_first), own)


def _beside_the_first(own: ApigeeFacts, unlike: list[str]) -> Decision:
    """Where nobody has looked into the chart."""
    missing = [name for name in unlike if name not in own.definitions]
    if missing or not own.definitions:
        return _lacking(f"{len(missing)} that the first region has" if missing else "")
    return needed(f"defined otherwise than in the first region: {', '.join(unlike)}")


def _beside_the_chart(own: ApigeeFacts, unlike_first: list[str]) -> Decision:
    if (chart := own.chart) is None:
        return _beside_the_first(own, unlike_first)
    if chart.missing:
        return _lacking(f"{len(chart.missing)} that the operator's chart has")
    if chart.other:
        return needed(
            f"defined otherwise than in the operator's chart and in the first region: {', '.join(chart.other)}"
        )
    return done(
        f"the definitions are those of the operator's chart; the first region has otherwise: {', '.join(unlike_first)}"
    )


def _lacking(which: str) -> Decision:
    listed = f", {which}" if which else ""
    return needed(
        f"the cluster lacks definitions of Apigee's resources{listed}: the operator could not start"
    )


def findings(topology: Topology, facts: WorldFacts) -> list[Finding]:
    """A warning where the first region's definitions are of another release than its installation: not ours to change."""
    first = topology.first
    apigee = facts.regions[first.name].apigee
    if apigee is None or apigee.chart is None or not (unlike := apigee.chart.missing + apigee.chart.other):
        return []
    version = topology.hybrid_version
    hint = (
        f"finish the upgrade there, or correct hybridVersion. With the chart of {version} unpacked: kubectl --context {first.context}"
        " apply -k apigee-operator/etc/crds/default/ --server-side --force-conflicts --validate=false"
    )
    words = (
        f"not as the operator's chart of {version} defines them, which new regions get: {', '.join(unlike)}"
    )
    return [Finding("definitions", "warn", f"{first.name}, cluster {first.cluster.name}", words, hint)]
