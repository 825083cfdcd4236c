"""The steps that prove the data: once before the seed is taken out, once after everything has restarted."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, StepId, done, later, needed
from hybridspan.plan.phases.alterations import shown
from hybridspan.plan.phases.keyspace_names import replicated
from hybridspan.plan.phases.ring_commands import nodetool, pods_of
from hybridspan.topology.model import Region, Topology

ONLY_BY_NAME: Final = frozenset({"system_distributed"})
"""Keyspaces that `nodetool repair` leaves out unless it is given their names."""
_PREVIEW: Final = ("repair", "--preview", "--full")
_LOOKS: Final = "up to three looks: rows that are written meanwhile may show as a difference once, and nodetool may miss an answer"
_TRACES_MAY_DIFFER: Final = (
    "/repairing keyspace /{own=/ system_traces /}"
    ' own && sub(/Total estimated streaming/, "No repair is needed for keyspace system_traces, which differs"){own=0}'
    " /Previewed data was in sync|Repair command #/{own=0} 1"
)
"""For awk: traces are of whoever traces, and a proof takes nothing else from them than that they were looked at. What
is lost of their part, begin, verdict or end, makes no other keyspace's difference theirs."""
_DIFFER: Final = "[[ $SAID == *'Total estimated streaming'* ]]"


def verification_key(phase: str, region: str) -> str:
    """Where the journal keeps what was proved: the ring's `fingerprint`, and `at`, Unix time."""
    return f"{phase}/{region}"


def copied_key(phase: str, region: str) -> str:
    """Where the journal keeps what was copied and could not be compared: as `verification_key`, but it is no proof."""
    return f"copied-{phase}/{region}"


def fingerprint(ring: RingFacts, datacenter: str) -> str:
    """Changes when the data center gets other nodes, or a keyspace another replication: then a proof is stale."""
    hosts = sorted({node.host_id for node in ring.of(datacenter)})
    maps = [[k.name, k.replication.factor(datacenter)] for k in replicated(ring)]
    return hashlib.sha256(json.dumps([hosts, maps]).encode()).hexdigest()[:16]


def decide_verification(
    ring: RingFacts | None,
    region: Region,
    decided: Mapping[str, Any] | None,
    copied: Mapping[str, Any] | None = None,
    *,
    again: bool,
) -> Decision:
    """Whether the data center must be compared; `decided` is what the journal keeps of the last proof, `copied` what it keeps
    of a look that could prove nothing."""
    if ring is None or not ring.of(region.datacenter):
        return later(f"{region.datacenter} is compared with {region.copy_from} once it has its data")
    if decided and decided.get("fingerprint") == fingerprint(ring, region.datacenter):
        compared = [k for k in replicated(ring) if k.replication.can_be_compared(region.datacenter)]
        keyspaces = ", ".join(f"{k.name} {shown(k.replication)}" for k in compared)
        return done(f"the same nodes and keyspaces were compared and found the same: {keyspaces}")
    if ring.before_4:
        return _unproved(ring, region, copied)
    when = (
        "after its nodes have restarted without the seed"
        if again
        else "range by range, before anything reads from it"
    )
    return needed(f"{region.datacenter} is compared with {region.copy_from} {when}")


def _unproved(ring: RingFacts, region: Region, copied: Mapping[str, Any] | None) -> Decision:
    """A release without previews: the nodes are looked at, and it is never called proved."""
    if copied and copied.get("fingerprint") == fingerprint(ring, region.datacenter):
        return done(_replicated_only(ring, region))
    return needed(
        f"{region.datacenter} is looked at, not compared: Cassandra {ring.before_4} cannot compare replicas, so it ends as"
        " replicated, not proved"
    )


def _replicated_only(ring: RingFacts, region: Region) -> str:
    return f"{region.datacenter} is replicated, not proved: Cassandra {ring.before_4} cannot compare replicas"


def unproved(topology: Topology, decided: Callable[[str], Mapping[str, Any] | None]) -> tuple[str, ...]:
    """The data centers that were replicated by releases that cannot compare, and have never been proved since."""
    return tuple(
        str(region.datacenter)
        for region in topology.new_regions
        if decided(copied_key("verify", region.name)) and not decided(verification_key("verify", region.name))
    )


def plan_verification(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """`verify` after the last rebuild and `verify-again` after the seed is out, for every new region."""
    steps: list[PlannedStep] = []
    for region in topology.new_regions:
        last = pods_of(topology, region)[-1]
        steps.append(_step(topology, region, facts, ("verify", f"rebuild/{region.name}/{last}")))
        steps.append(_step(topology, region, facts, ("verify-again", f"seed-out/{region.name}")))
    return steps


def _step(topology: Topology, region: Region, facts: WorldFacts, kind: tuple[str, str]) -> PlannedStep:
    phase, before = kind
    again = phase == "verify-again"
    decided = facts.decided.get(verification_key(phase, region.name))
    copied = facts.decided.get(copied_key(phase, region.name))
    regions = topology.regions[: topology.regions.index(region) + 1]
    members = sum(r.cassandra_nodes for r in regions)
    commands = [_all_are_up(region, pods_of(topology, region)[0], members)]
    if facts.ring is not None and facts.ring.before_4:
        commands.append(_said_unproved(facts.ring, region))
    else:
        commands += _comparisons(topology, region, facts.ring)
    return PlannedStep(
        id=StepId(f"{phase}/{region.name}"),
        phase=phase,
        region=region.name,
        title=f"{region.datacenter} holds what {region.copy_from} holds"
        + (", after the restart" if again else ""),
        decision=decide_verification(facts.ring, region, decided, copied, again=again),
        commands=tuple(commands),
        needs=(StepId(before),),
        lanes=("ring",),
        procedure_rows=(15,) if not again else (17,),
        undo_note="Nothing was changed.",
    )


def _all_are_up(region: Region, pod: str, members: int) -> Command:
    """The ring, which must have every node up and normal, and at least so many."""
    look = nodetool(region, pod, "status")
    wrong = "grep -E '^([UD][LJM]|D[NLJM]) ' <<<\"$RING\""
    few = f"(( $(grep -c '^UN ' <<<\"$RING\") < {members} ))"
    report = f"echo 'not all {members} nodes are up and normal' >&2; false"
    return Command(
        script=f'RING=$({look.text()})\necho "$RING"\nif {wrong} || {few}; then {report}; fi',
        comment="every line says UN",
        gist=look.gist,
    )


def _said_unproved(ring: RingFacts, region: Region) -> Command:
    words = _replicated_only(ring, region)
    return Command(script=f"echo {shlex.quote(words)} >&2", unproved=words)


def _comparisons(topology: Topology, region: Region, ring: RingFacts | None) -> list[Command]:
    """Of all keyspaces through each node, then of those that nodetool compares only when they are named."""
    # Of a keyspace without tables nodetool says nothing.
    names = {k.name for k in replicated(ring) if k.tables} if ring else set()
    expected = max(len(names - ONLY_BY_NAME), 1)
    pods = pods_of(topology, region)
    whole = [_compared(region, pod, expected) for pod in pods]
    return whole + [_named(region, pod, name) for name in sorted(names & ONLY_BY_NAME) for pod in pods]


def _compared(region: Region, pod: str, keyspaces: int) -> Command:
    """Previews until one says of every keyspace that its replicas agree: nodetool itself ends with 0 whatever it found, and
    what it says comes by notifications, which get lost."""
    preview = nodetool(region, pod, *_PREVIEW)
    script = f"""{_looks(preview, keyspaces)}
! {_DIFFER} || {{ echo 'replicas of {pod} differ' >&2; false; }}
(( AGREE >= {keyspaces} )) || {{ echo "{pod} says of $AGREE of {keyspaces} keyspaces that their replicas agree" >&2; false; }}"""
    return Command(script=script, comment=_LOOKS, gist=preview.gist)


def _named(region: Region, pod: str, keyspace: str) -> Command:
    """The same of Cassandra's own history, which must be compared and may differ: a proof takes nothing else from it either."""
    preview = nodetool(region, pod, *_PREVIEW, keyspace)
    script = f"""{_looks(preview, 1)}
! {_DIFFER} || {{ echo '{keyspace} of {pod} differs: every repair changes it, and thirty days erase it'; AGREE=1; }}
(( AGREE >= 1 )) || {{ echo '{pod} does not say whether the replicas of {keyspace} agree' >&2; false; }}"""
    comment = f"nodetool leaves {keyspace} out unless it is named"
    return Command(script=script, comment=comment, gist=preview.gist)


def _looks(preview: Command, keyspaces: int) -> str:
    """Up to three; SAID is then what the last one said, AGREE of how many keyspaces that they are the same."""
    agrees = "Previewed data was in sync|No repair is needed for keyspace"
    lines = (
        "for TRY in 1 2 3; do",
        f"  SAID=$({preview.text()})",
        f'  SAID=$(awk {shlex.quote(_TRACES_MAY_DIFFER)} <<<"$SAID")',
        f"  AGREE=$(grep -cE '{agrees}' <<<\"$SAID\" || true)",
        f"  {_DIFFER} || (( AGREE < {keyspaces} )) || break",
        "done",
        'echo "$SAID"',
    )
    return "\n".join(lines)
