"""What a new cluster must hold before anything of Apigee starts in it: the same namespace, authority and secrets.

The authority comes first of all: a controller that finds no `apigee-ca` makes one of its own, everything installs
well, and the nodes can never join.
"""

from __future__ import annotations

from hybridspan.facts.apigee import ApigeeFacts, DatastoreFacts
from hybridspan.facts.kubernetes import ClusterObjects, SecretFacts
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, StepId, done, later, needed, refused
from hybridspan.plan.phases.kubectl import applied, context_of, copied_secret, deleted, kubectl, moved
from hybridspan.plan.phases.neighbours import authority_kept, stays, undone
from hybridspan.plan.phases.shared_secrets import overrides_of, secrets_step
from hybridspan.plan.phases.unseen import FIRST_NOT_SEEN, NOT_YET
from hybridspan.topology.model import Region, Topology

AUTHORITY = "apigee-ca"
CERT_MANAGER = "cert-manager"
BEGIN_AGAIN = (
    "its nodes never joined, so nothing is lost: delete this region's datastore (helm uninstall datastore, or apigeectl delete"
    " --datastore), set its spec.forceDelete where it stays `deleting`, and run apply again (docs/trust.md)"
)
ISSUED = "controller.cert-manager.io/fao=true"
"""The label of secrets that cert-manager fills, and fills anew when they are gone."""


def plan_trust(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """Namespace, authority, cert-manager, secrets and storage of every new region."""
    first = facts.regions[topology.first.name]
    return [
        step
        for region in topology.new_regions
        for step in _steps_of(topology.first, region, first, facts.regions[region.name])
    ]


def _steps_of(source: Region, region: Region, first: RegionFacts, own: RegionFacts) -> list[PlannedStep]:
    return [
        _namespace(region, own.cluster),
        _authority(source, region, first.cluster, own),
        _cert_manager(source, region, first.cluster, own),
        secrets_step(source, region, first, own),
        _storage(source, region, first, own),
    ]


def _step(
    kind: str,
    region: Region,
    title: str,
    decision: Decision,
    commands: tuple[Command, ...],
    *,
    needs: tuple[str, ...],
    undo: tuple[Command, ...] = (),
    note: str = "",
) -> PlannedStep:
    return PlannedStep(
        id=StepId(f"{kind}/{region.name}"),
        phase=kind,
        region=region.name,
        title=title,
        decision=decision,
        commands=commands,
        needs=tuple(StepId(n) for n in needs),
        procedure_rows=(10,),
        undo=undo,
        undo_note=note,
    )


def decide_namespace(region: Region, own: ClusterObjects | None) -> Decision:
    if own is None:
        return later(NOT_YET)
    if region.namespace in own.namespaces:
        return done(f"namespace {region.namespace} is there")
    return needed(f"{region.cluster.name} has no namespace {region.namespace}")


def _namespace(region: Region, own: ClusterObjects | None) -> PlannedStep:
    make = f"kubectl create namespace {region.namespace} --dry-run=client -o yaml"
    return _step(
        "namespace",
        region,
        f"Namespace {region.namespace} in {region.cluster.name}",
        decide_namespace(region, own),
        (Command(script=f"{make} |\n  {applied(region)}"),),
        needs=(f"cluster/{region.name}",),
        undo=(deleted(region, "namespace", region.namespace),),
    )


def decide_authority(
    first: ClusterObjects | None, own: ClusterObjects | None, apigee: ApigeeFacts | None
) -> Decision:
    """Whether `apigee-ca` must be brought; refused where another one is already in use."""
    if first is None:
        return later(FIRST_NOT_SEEN)
    source = first.certificate_authority
    if source is None:
        hint = "kubectl -n cert-manager get secret apigee-ca: find it, or restore it, in the first region"
        return refused("the first region has no apigee-ca, and nodes of other regions could not join", hint)
    if own is None:
        return later(NOT_YET)
    held = own.certificate_authority
    if held is None:
        return needed(
            "the cluster has no apigee-ca: a controller would make its own, and the nodes could not join"
        )
    store = apigee.datastore if apigee else None
    if held.hashes == source.hashes:
        return _too_late(own, store) or done(f"apigee-ca is the first region's ({_short(source)})")
    different = f"apigee-ca ({_short(held)}) is not the first region's ({_short(source)})"
    if kept := authority_kept(different, apigee):
        return kept
    if store is not None:
        return refused(f"{different}, and a datastore already uses it", BEGIN_AGAIN)
    return needed(f"{different}; nothing uses it yet")


def _too_late(own: ClusterObjects, store: DatastoreFacts | None) -> Decision | None:
    """Where the right authority came after the nodes' certificates: cert-manager leaves those alone, and no node joins."""
    if own.authority_issued_nodes is not False or (store is not None and store.ready_replicas):
        return None
    late = "apigee-ca is the first region's, but it was copied too late: Cassandra's certificate here is of another authority"
    if store is not None:
        return refused(f"{late}, and a datastore already uses it", BEGIN_AGAIN)
    return needed(f"{late}; it is deleted, and issued anew")


def _short(secret: SecretFacts) -> str:
    return (secret.certificate_fingerprint or "no certificate")[:16]


def _authority(source: Region, region: Region, first: ClusterObjects | None, own: RegionFacts) -> PlannedStep:
    make = f"kubectl create namespace {CERT_MANAGER} --dry-run=client -o yaml"
    return _step(
        "authority",
        region,
        f"Certificate authority apigee-ca in {region.cluster.name}",
        decide_authority(first, own.cluster, own.apigee),
        (
            Command(script=f"{make} |\n  {applied(region)}"),
            copied_secret(source, region, AUTHORITY, (CERT_MANAGER, CERT_MANAGER)),
            *_stale_deleted(region, own.cluster),
        ),
        needs=(f"cluster/{region.name}",),
        undo=undone(own.apigee, deleted(region, "secret", AUTHORITY, "-n", CERT_MANAGER)),
        note=stays(own.apigee) or "only after the region's datastore is gone",
    )


def _stale_deleted(region: Region, own: ClusterObjects | None) -> tuple[Command, ...]:
    """What another authority has issued stays as it is until somebody deletes it."""
    if own is None or own.authority_issued_nodes is not False:
        return ()
    return (kubectl(region, "-n", region.namespace, "delete", "secret", "-l", ISSUED),)


def missing_parts(first: ClusterObjects, own: ClusterObjects) -> tuple[str, ...]:
    """What cert-manager lacks that the first region's has, where both are of one version: copying it was broken off.

    Another version is somebody's own, and complete in its own way.
    """
    if own.cert_manager_version != first.cert_manager_version or own.cert_manager_parts is None:
        return ()
    return tuple(sorted((first.cert_manager_parts or frozenset()) - own.cert_manager_parts))


def decide_cert_manager(first: ClusterObjects | None, own: ClusterObjects | None) -> Decision:
    if first is None:
        return later(FIRST_NOT_SEEN)
    wanted = first.cert_manager_version
    if wanted is None:
        hint = "kubectl -n cert-manager get deployments: an Apigee installation has it"
        return refused("the first region has no cert-manager whose version could be taken over", hint)
    if own is None:
        return later(NOT_YET)
    if own.cert_manager_version is None:
        return needed(f"the cluster has no cert-manager; the first region has {wanted}")
    if lacking := missing_parts(first, own):
        return needed(f"cert-manager {wanted} is there only in part: it lacks {', '.join(lacking)}")
    if not own.cert_manager_ready:
        return needed(f"cert-manager {own.cert_manager_version} is not available yet")
    if own.cert_manager_version == wanted:
        return done(f"cert-manager {wanted} is available, as in the first region")
    return done(f"cert-manager {own.cert_manager_version} is available (the first region has {wanted})")


def _cert_manager(
    source: Region, region: Region, first: ClusterObjects | None, own: RegionFacts
) -> PlannedStep:
    label = ("-l", "app.kubernetes.io/instance=cert-manager")
    everywhere = "clusterrole,clusterrolebinding,mutatingwebhookconfiguration,validatingwebhookconfiguration"
    inside = "serviceaccount,configmap,role,rolebinding,service,deployment"
    names = f"kubectl --context {context_of(source)} get crd -o name | grep '[.]cert-manager[.]io$'"
    definitions = moved(source, region, "get", "$NAMES").script.replace("'$NAMES'", f"$({names})")
    wait = ("-n", CERT_MANAGER, "wait", "deployment", "--all", "--for=condition=Available", "--timeout=300s")
    return _step(
        CERT_MANAGER,
        region,
        f"cert-manager in {region.cluster.name}",
        decide_cert_manager(first, own.cluster),
        (
            Command(script=definitions),
            moved(source, region, "get", everywhere, *label),
            moved(source, region, "get", inside, "--all-namespaces", *label),
            kubectl(region, *wait),
        ),
        # The authority must lie there before anything can make another.
        needs=(f"authority/{region.name}",),
        undo=undone(
            own.apigee,
            # First what would keep things from being changed once the webhook behind it is gone.
            deleted(region, everywhere, *label),
            deleted(region, "namespace", CERT_MANAGER),
        ),
        note=stays(own.apigee),
    )


def wanted_class(first: RegionFacts, own: RegionFacts) -> str | None:
    """The storage class that the region's overrides name (until they exist: the first region's)."""
    overrides = overrides_of(first, own)
    return overrides.storage_class if overrides else None


def decide_storage(wanted: str | None, first: ClusterObjects | None, own: ClusterObjects | None) -> Decision:
    if wanted is None:
        return done("the overrides name no storage class: the cluster's default serves")
    if own is None:
        return later(NOT_YET)
    if wanted in own.storage_classes:
        return done(f"storage class {wanted} is there")
    if first is None or wanted not in first.storage_classes:
        there = ", ".join(own.storage_classes) or "none"
        hint = f"name one that exists (this cluster has {there}), or create it in this cluster"
        return refused(f"no cluster has the storage class {wanted} that the overrides name", hint)
    return needed(f"the cluster has no storage class {wanted}")


def _storage(source: Region, region: Region, first: RegionFacts, own: RegionFacts) -> PlannedStep:
    wanted = wanted_class(first, own)
    copied = (moved(source, region, "get", "storageclass", wanted),) if wanted else ()
    undo = (deleted(region, "storageclass", wanted),) if wanted else ()
    return _step(
        "storage",
        region,
        f"Storage class {wanted or '(default)'} in {region.cluster.name}",
        decide_storage(wanted, first.cluster, own.cluster),
        copied,
        needs=(f"cluster/{region.name}",),
        undo=undo,
        note="only if nothing else uses it",
    )
