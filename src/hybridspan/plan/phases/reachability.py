"""Whether every Cassandra node reaches every other one on the TLS port: tried, not concluded from rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, StepId, done, later, needed
from hybridspan.plan.phases.kubectl import kubectl
from hybridspan.plan.phases.ring_commands import in_pod, pods_of
from hybridspan.plan.phases.verification import copied_key, decide_verification, verification_key
from hybridspan.topology.model import Region, RegionName, Topology


@dataclass(frozen=True, slots=True)
class Member:
    """A Cassandra pod as one end of a connection."""

    region: str
    pod: str
    address: str

    def text(self) -> str:
        return f"{self.pod} in {self.region} ({self.address})"


def silent(
    regions: Sequence[Region], members: Sequence[Member], ring: RingFacts | None
) -> dict[RegionName, str]:
    """What is missing in each region, in words: nodes that the file declares, or the ring has, and that do not run."""
    found: dict[RegionName, str] = {}
    for region in regions:
        running = {member.address for member in members if member.region == region.name}
        known = ring.of(region.datacenter) if ring else ()
        away = [node.address for node in known if node.address not in running]
        if len(running) < region.cassandra_nodes:
            found[region.name] = (
                f"{len(running)} of {region.cassandra_nodes} Cassandra nodes run in {region.name}"
            )
        elif away:
            found[region.name] = (
                f"{', '.join(away)} of {region.datacenter} is in the ring and in no running pod"
            )
    return found


def decide_reachability(
    missing: Mapping[RegionName, str],
    members: Sequence[Member],
    failed: Mapping[Member, Sequence[Member]],
    port: int,
) -> Decision:
    """What the connections tried say; `failed` has for each origin the members that it did not reach.

    A node that does not run proves nothing: none of its connections was tried.
    """
    if missing:
        return needed(f"{'; '.join(missing.values())}: nothing was tried from or to what does not run")
    pairs = [(origin, goal) for origin, goals in failed.items() for goal in goals]
    if not pairs:
        count = len(members) * (len(members) - 1)
        return done(f"all {count} connections between {len(members)} Cassandra nodes opened on port {port}")
    listed = "; ".join(f"{origin.text()} does not reach {goal.text()}" for origin, goal in pairs[:6])
    more = f"; and {len(pairs) - 6} more" if len(pairs) > 6 else ""
    return needed(f"port {port} is closed: {listed}{more}")


def blamed(failed: Mapping[Member, Sequence[Member]]) -> str:
    """Where to look: the pairs of regions between which nothing passes."""
    regions = sorted(
        {" and ".join(sorted({o.region, g.region})) for o, goals in failed.items() for g in goals}
    )
    return ", ".join(regions)


def plan_reachability(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """One step for every new region, after its nodes have joined."""
    return [_reachability(topology, region, facts) for region in topology.new_regions]


def _reachability(topology: Topology, region: Region, facts: WorldFacts) -> PlannedStep:
    return PlannedStep(
        id=StepId(f"reachability/{region.name}"),
        phase="reachability",
        region=region.name,
        title=f"Port {topology.cassandra.tls_port} between all Cassandra nodes",
        decision=_planned(region, facts),
        commands=_commands(topology, region),
        needs=(StepId(f"datastore/{region.name}"),),
        procedure_rows=(7,),
        undo_note="Nothing was changed.",
    )


def _planned(region: Region, facts: WorldFacts) -> Decision:
    """Connections are tried when the step is checked; a proof since then shows that they opened."""
    joined = len(facts.regions[region.name].nodes)
    if not joined:
        return later(f"tried from each Cassandra node to each other one once {region.datacenter} has joined")
    proof = facts.decided.get(verification_key("verify", region.name))
    copied = facts.decided.get(copied_key("verify", region.name))
    if decide_verification(facts.ring, region, proof, copied, again=False).is_done:
        what = "compared with all others" if proof else "given their data"
        return done(f"the nodes of {region.datacenter} were {what} over this port")
    return needed(f"{joined} nodes of {region.datacenter} run; each connection is tried anew")


def _commands(topology: Topology, region: Region) -> tuple[Command, ...]:
    """From each pod to each other one, both ways; the addresses are asked for when the time comes."""
    known = topology.regions[: topology.regions.index(region) + 1]
    port = topology.cassandra.tls_port
    looks = "; ".join(f"{region.kubectl} get pods -l app=apigee-cassandra -o wide" for region in known)
    gist = f"{looks}   # the addresses of all nodes"
    asked = [Command(script="\n".join(["NODES=", *(_addresses(r) for r in known)]), gist=gist)]
    tries = f'for node in "$@"; do timeout 4 bash -c "</dev/tcp/$node/{port}" || {{ echo "$node: closed" >&2; exit 1; }}; done'
    opens = f"</dev/tcp/NODE/{port} for every node"
    return (*asked, *(in_pod(r, pod, tries, "$NODES", opens) for r in known for pod in pods_of(topology, r)))


def _addresses(region: Region) -> str:
    pods = ("get", "pods", "-n", region.namespace, "-l", "app=apigee-cassandra")
    look = kubectl(region, *pods, "-o", "jsonpath={.items[*].status.podIP}").text()
    return f'NODES="$NODES $({look})"'
