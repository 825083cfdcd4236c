"""The first region's secrets that every region must have, and those that a region keeps as its own.

What is missing is copied. What is there is left, whatever it holds: a certificate may have been issued for that region,
and a key that is written over is gone. Only the ring's passwords must be the same everywhere, so other ones are exchanged,
as long as no datastore uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.kubernetes import CREDENTIALS, ClusterObjects, SecretFacts
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import Finding, RegionFacts, WorldFacts
from hybridspan.plan.model import Decision, PlannedStep, StepId, done, later, needed
from hybridspan.plan.phases.kubectl import copied_secret, deleted
from hybridspan.plan.phases.unseen import FIRST_NOT_SEEN, NOT_YET
from hybridspan.topology.model import Region, Topology


@dataclass(frozen=True, slots=True)
class Sharing:
    """What becomes of the first region's secrets in another cluster, by name."""

    same: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    exchanged: tuple[str, ...] = ()
    """The ring's passwords, with another content, that no datastore uses."""
    kept: tuple[str, ...] = ()
    """There with another content, and left."""
    unissued: tuple[str, ...] = ()
    """Named by the overrides, issued by cert-manager in the first region, and not there: never copied."""

    @property
    def written(self) -> tuple[str, ...]:
        return self.missing + self.exchanged


def applications(first: ApigeeFacts | None) -> frozenset[str]:
    """The Argo CD applications by which the first region has Apigee's charts."""
    return frozenset(first.tracked.values()) if first else frozenset()


def sharing(
    first: ClusterObjects,
    overrides: OverridesFacts | None,
    own: ClusterObjects,
    apigee: ApigeeFacts | None,
    charts: Collection[str] = (),
) -> Sharing:
    """What is to be done with each secret, by what both clusters hold; `apigee` is what runs in the other one."""
    held = {s.name: s.hashes for s in own.secrets}
    in_use = apigee is not None and apigee.datastore is not None
    shared = shared_secrets(first, overrides, charts)
    other = [s for s in shared if s.name in held and held[s.name] != s.hashes]
    exchanged = _names(other, lambda s: s.purpose == CREDENTIALS and not in_use)
    return Sharing(
        same=_names(shared, lambda s: held.get(s.name) == s.hashes),
        missing=_names(shared, lambda s: s.name not in held),
        exchanged=exchanged,
        kept=_names(other, lambda s: s.name not in exchanged),
        unissued=tuple(name for name in issued_secrets(first, overrides) if name not in held),
    )


def _names(secrets: list[SecretFacts], which: Callable[[SecretFacts], bool]) -> tuple[str, ...]:
    return tuple(s.name for s in secrets if which(s))


def shared_secrets(
    first: ClusterObjects, overrides: OverridesFacts | None, charts: Collection[str] = ()
) -> list[SecretFacts]:
    """The first region's secrets that every region must have: by what they are for, or named by the overrides.

    Not those that a chart made, by a Helm release or by one of the applications `charts`: Helm makes them in the new region
    too, and refuses to take over a copy. Nor those that cert-manager issued, named or not: a copy would be issued anew there,
    or expire.
    """
    named = _named(overrides)
    shared = [s for s in first.secrets if s.purpose or s.name in named]
    return [s for s in shared if not s.release and s.application not in charts and not s.is_issued]


def issued_secrets(first: ClusterObjects, overrides: OverridesFacts | None) -> tuple[str, ...]:
    """Names of secrets that the overrides refer to, and that cert-manager issued in the first region."""
    named = _named(overrides)
    return tuple(s.name for s in first.secrets if s.is_issued and s.name in named)


def _named(overrides: OverridesFacts | None) -> frozenset[str]:
    return overrides.secrets if overrides else frozenset()


def decide_secrets(
    first: ClusterObjects | None,
    overrides: OverridesFacts | None,
    own: ClusterObjects | None,
    apigee: ApigeeFacts | None,
    charts: Collection[str] = (),
) -> Decision:
    """Whether secrets must be written; what is left as it is stands in the reason."""
    if first is None:
        return later(FIRST_NOT_SEEN)
    if own is None:
        return later(NOT_YET)
    found = sharing(first, overrides, own, apigee, charts)
    parts = _to_write(found) or [f"{len(found.same)} secrets are as in the first region, by their hashes"]
    if found.kept:
        parts.append(f"not as in the first region, and left as they are: {', '.join(found.kept)}")
    if found.unissued:
        parts.append(
            f"not copied, because cert-manager issues it in each region: {', '.join(found.unissued)}"
        )
    return (needed if found.written else done)("; ".join(parts))


def _to_write(found: Sharing) -> list[str]:
    parts = [f"not there yet: {', '.join(found.missing)}"] if found.missing else []
    if found.exchanged:
        listed = ", ".join(found.exchanged)
        parts.append(f"not the ring's passwords, and no datastore uses them: {listed}, which is written over")
    return parts


def secrets_step(source: Region, region: Region, first: RegionFacts, own: RegionFacts) -> PlannedStep:
    """`secrets` of one new region."""
    overrides, places = overrides_of(first, own), (source.namespace, region.namespace)
    written, ours = _written(first, own)
    return PlannedStep(
        id=StepId(f"secrets/{region.name}"),
        phase="secrets",
        region=region.name,
        title=f"Credentials and certificates of the first region in {region.cluster.name}",
        decision=decide_secrets(
            first.cluster, overrides, own.cluster, own.apigee, applications(first.apigee)
        ),
        commands=tuple(copied_secret(source, region, name, places) for name in written),
        needs=(StepId(f"namespace/{region.name}"),),
        procedure_rows=(10,),
        undo=tuple(deleted(region, "secret", name, "-n", region.namespace) for name in ours),
    )


def overrides_of(first: RegionFacts, own: RegionFacts) -> OverridesFacts | None:
    """The region's overrides; until they exist the first region's."""
    return own.overrides or first.overrides


def _written(first: RegionFacts, own: RegionFacts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of secrets that the step writes, and of those that are the first region's then: all, before there is a cluster."""
    if first.cluster is None:
        return (), ()
    overrides, charts = overrides_of(first, own), applications(first.apigee)
    if own.cluster is None:
        every = tuple(s.name for s in shared_secrets(first.cluster, overrides, charts))
        return every, every
    found = sharing(first.cluster, overrides, own.cluster, own.apigee, charts)
    return found.written, found.same + found.written


def findings(topology: Topology, facts: WorldFacts) -> list[Finding]:
    """A warning for each secret that a new region needs, and that only its own cert-manager can give it."""
    first = facts.regions[topology.first.name]
    return [
        _unissued(topology.first, region, name)
        for region in topology.new_regions
        for name in _lacking(first, facts.regions[region.name])
    ]


def _lacking(first: RegionFacts, own: RegionFacts) -> tuple[str, ...]:
    if first.cluster is None:
        return ()
    overrides = overrides_of(first, own)
    if own.cluster is None:
        return issued_secrets(first.cluster, overrides)
    return sharing(first.cluster, overrides, own.cluster, own.apigee).unissued


def _unissued(source: Region, region: Region, name: str) -> Finding:
    asked = f"kubectl --context {source.context} -n {source.namespace} get certificates,issuers -o yaml"
    hint = (
        f"{asked} shows how the first region has it (an issuer may be a ClusterIssuer): once step cert-manager/{region.name} is done,"
        f" apply the same in context {region.context}, namespace {region.namespace}; until then the ingress there has no certificate"
    )
    words = (
        f"the overrides name secret {name}, which cert-manager issues in the first region: it is not copied, and"
        f" {region.cluster.name} has none"
    )
    return Finding("issued-secret", "warn", f"{region.name}, secret {name}", words, hint)
