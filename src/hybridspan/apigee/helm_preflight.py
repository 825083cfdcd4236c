"""What pre-flight finds where Helm installs: one version everywhere, names that are what they must be. Pure, from facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hybridspan.apigee.charts import NAMES
from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.helm import HelmRelease
from hybridspan.facts.world import Finding, RegionFacts, Severity
from hybridspan.plan.phases.identity import decide_identity, how_to_register
from hybridspan.topology.model import Region, Topology
from hybridspan.topology.resource_names import environment_name, organization_name

MIGRATION = (
    "hybridspan adds regions, it does not upgrade: move the installation to Helm by Google's guide of 1.11, upgrade it one"
    " minor release after the other, and plan again (docs/helm.md)"
)


def helm_findings(topology: Topology, regions: Mapping[str, RegionFacts]) -> list[Finding]:
    """Of every region that has releases; of the first one also whether it has them at all."""
    if topology.installer != "helm":
        return [f for region in topology.regions for f in _unexpected(region, regions[region.name].apigee)]
    found: list[Finding] = []
    for region in topology.regions:
        apigee = regions[region.name].apigee
        if apigee is not None and apigee.releases is not None:
            found += _releases(topology, region, apigee)
        found += _federation(topology, region, regions)
    return found + list(_resource_names(topology, regions[topology.first.name]))


def _where(region: Region) -> str:
    return f"{region.name}, cluster {region.cluster.name}, namespace {region.namespace}"


def _unexpected(region: Region, apigee: ApigeeFacts | None) -> Iterator[Finding]:
    """With apigeectl Helm is not asked; a definition that only the charts of today bring speaks for itself."""
    if apigee is not None and "secretrotations.apigee.cloud.google.com" in apigee.definitions:
        hint = "set installer: helm and the version that is installed"
        message = (
            "the cluster has definitions of a release that only Helm installs, the topology says apigeectl"
        )
        yield Finding("installer", "warn", _where(region), message, hint)


def _releases(topology: Topology, region: Region, apigee: ApigeeFacts) -> Iterator[Finding]:
    # Not by the prefix: a company has charts of its own beside Apigee's, such as dashboards, with versions of their own.
    ours = [r for r in apigee.releases or () if r.chart in NAMES]
    is_first, where = region.name == topology.first.name, _where(region)
    if not ours:
        if is_first and apigee.datastore is not None:
            yield _without_releases(region, where, apigee)
        return
    yield from _versions(topology, where, ours)
    if unsettled := [f"{r.name} is {r.status}" for r in ours if not r.is_deployed]:
        helm = f"helm --kube-context {region.context} -n {region.namespace}"
        hint = f"{helm} history NAME tells what happened; a rollback or another upgrade by helm settles it"
        # A new region's is what apply mends; the first region's is not ours to touch.
        severity: Severity = "refuse" if is_first else "warn"
        yield Finding("helm-releases", severity, where, f"not deployed: {', '.join(unsettled)}", hint)


def _without_releases(region: Region, where: str, apigee: ApigeeFacts) -> Finding:
    """Of a first region in whose namespace Helm knows nothing: Argo CD's is as good as any, for nothing is changed there."""
    if apigee.tracked:
        applications = ", ".join(sorted(set(apigee.tracked.values())))
        message = f"installed by Argo CD, which makes no Helm release ({applications}): new regions get the guide's names"
        return Finding("helm-releases", "pass", where, message)
    message = f"hybrid is installed, but helm list shows no release of Apigee's charts in namespace {region.namespace}"
    hint = f"where apigeectl installed it: {MIGRATION}. {_elsewhere(region)}"
    return Finding("helm-releases", "refuse", where, message, hint)


def _elsewhere(region: Region) -> str:
    asked = f"kubectl --context {region.context} get secrets -A -l owner=helm"
    return (
        "Or its Helm records lie in another namespace, as Flux keeps them beside its HelmRelease unless told otherwise:"
        f" {asked} shows where. hybridspan reads them in {region.namespace}: copy them there, and leave changes of this"
        " region to Flux; never move the storageNamespace of a HelmRelease that serves, Flux would uninstall what it runs"
    )


def _versions(topology: Topology, where: str, ours: list[HelmRelease]) -> Iterator[Finding]:
    versions = sorted({r.version for r in ours})
    if versions == [topology.hybrid_version]:
        yield Finding("helm-versions", "pass", where, f"{len(ours)} releases of {versions[0]}")
        return
    other = [f"{r.name} {r.version}" for r in ours if r.version != topology.hybrid_version]
    message = f"not of {topology.hybrid_version}, as the topology says: {', '.join(other)}"
    if len(versions) > 1:
        message += "; an installation of mixed versions is in the middle of an upgrade"
    hint = "finish the upgrade, or correct hybridVersion: schema and data may differ between two versions, so none is expanded in between"
    yield Finding("helm-versions", "refuse", where, message, hint)


def _resource_names(topology: Topology, first: RegionFacts) -> Iterator[Finding]:
    """Every region must give organization and environments the same names: the replication refers to them."""
    if first.apigee is None or first.overrides is None:
        return
    where = _where(topology.first)
    expected = {
        "ApigeeOrganization": {organization_name(topology.organization)},
        "ApigeeEnvironment": {
            environment_name(topology.organization, e) for e in first.overrides.environments
        },
    }
    for kind, names in expected.items():
        live = {r.name for r in first.apigee.resources if r.kind == kind}
        if live == names:
            yield Finding("resource-names", "pass", where, f"{kind} {', '.join(sorted(names))} as computed")
        elif live:
            message = f"{kind} {', '.join(sorted(live))}, computed from the overrides {', '.join(sorted(names)) or 'none'}"
            hint = f"the overrides are not those that were installed: compare org and envs with {_values(topology, first.apigee)}"
            yield Finding("resource-names", "refuse", where, message, hint)


def _values(topology: Topology, first: ApigeeFacts) -> str:
    """Where the values are with which the first region was installed."""
    if application := first.tracked.get("org"):
        return f"the values of Argo CD's application {application}"
    return f"helm --kube-context {topology.first.context} -n {topology.first.namespace} get values NAME"


def _federation(topology: Topology, region: Region, regions: Mapping[str, RegionFacts]) -> Iterator[Finding]:
    """Each cluster is an identity provider of its own; the first region's audience is not valid in another."""
    first, own = regions[topology.first.name].overrides, regions[region.name].overrides
    if first is None or not first.federation or region.name == topology.first.name:
        return
    cluster = regions[region.name].azure.cluster
    decision = decide_identity(first, own, cluster)
    if decision.is_done:
        yield Finding("workload-identity", "pass", _where(region), decision.reason)
        return
    hint = f"before the organization is installed: {how_to_register(topology, region, first.federation, cluster)}"
    yield Finding("workload-identity", "warn", _where(region), decision.reason, hint)
