"""Which Helm releases a region needs, under which names, and whether each is as it should be.

Names are the first region's, as `helm list` has them there; what it lacks gets the names of Apigee's own guide.
"""

from __future__ import annotations

import shlex
from typing import Final

from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.helm import Component, HelmRelease, WantedRelease
from hybridspan.facts.world import Installation, WorldFacts
from hybridspan.plan.model import Command, Decision, done, later, needed, refused
from hybridspan.plan.phases.kubectl import apigeectl, context_of
from hybridspan.plan.phases.unseen import NOT_YET
from hybridspan.topology.model import Region, Topology

CHARTS_VARIABLE: Final = "HYBRIDSPAN_CHARTS"
OFFICIAL_CHARTS: Final = "oci://us-docker.pkg.dev/apigee-release/apigee-hybrid-helm-charts"
TRUSTED: Final = '${HYBRIDSPAN_CHARTS_CA:+--ca-file "$HYBRIDSPAN_CHARTS_CA"}'
"""A bash expression: the authority of a mirror's certificate, where it is not one that the machine trusts."""
_SINGLE: Final[tuple[Component, ...]] = ("operator", "datastore", "telemetry", "redis", "ingress-manager")


def wanted_releases(topology: Topology, first: Installation) -> tuple[WantedRelease, ...]:
    """Every release of a region, in the order in which Apigee's guide installs them."""
    held = (first.apigee.releases if first.apigee else None) or ()
    overrides = first.overrides
    found = [WantedRelease(c, _name(held, f"apigee-{c}", "", c)) for c in _SINGLE]
    found.append(WantedRelease("org", _name(held, "apigee-org", "", topology.organization)))
    found += [
        WantedRelease("env", _name(held, "apigee-env", name, name), name)
        for name in (overrides.environments if overrides else ())
    ]
    for group in overrides.virtual_hosts if overrides else ():
        name = _name(held, "apigee-virtualhost", group, group)
        # One name cannot be two releases: an environment and a group are often called alike.
        name = f"{name}-virtualhost" if name in {r.name for r in found} else name
        found.append(WantedRelease("virtualhost", name, group))
    return tuple(found)


def _name(held: tuple[HelmRelease, ...], chart: str, subject: str, usual: str) -> str:
    return next((r.name for r in held if r.chart == chart and r.subject == subject), usual)


def the_release(topology: Topology, first: Installation, component: Component) -> WantedRelease:
    """The one release of a component that every region has once."""
    return next(r for r in wanted_releases(topology, first) if r.component == component)


def decide_release(topology: Topology, wanted: WantedRelease, own: ApigeeFacts | None) -> Decision:
    """Whether the release must be installed; refused beside another version, and where its name or chart is taken."""
    if own is None or own.releases is None:
        return later(NOT_YET)
    held = next((r for r in own.releases if r.name == wanted.name), None)
    if held is None:
        return _decide_missing(topology, wanted, own, own.releases)
    if held.chart != wanted.chart:
        hint = "a release of Apigee's may not share its name with another chart in one namespace: remove or rename that one"
        return refused(f"the name {wanted.name} is taken by a release of {held.chart}", hint)
    if held.version != topology.hybrid_version and not held.is_pending:
        hint = "all regions need one release of hybrid: upgrade or remove this region's, or correct hybridVersion"
        return refused(
            f"release {held.name} is {held.chart} {held.version}, the topology says {topology.hybrid_version}",
            hint,
        )
    if not held.is_deployed:
        return needed(f"release {held.name} is {held.status}: it is installed again")
    return done(f"release {held.name} is {held.chart} {held.version}, deployed")


def _decide_missing(
    topology: Topology, wanted: WantedRelease, own: ApigeeFacts, held: tuple[HelmRelease, ...]
) -> Decision:
    """Of a release that is not there by its name: the same chart may be there by another, or without a release."""
    if application := own.tracked.get(wanted.key):
        return _decide_tracked(topology, wanted, application, own.hybrid_version)
    same = (r for r in held if (r.chart, r.subject) == (wanted.chart, wanted.subject))
    if (twin := next(same, None)) is None:
        return needed(f"release {wanted.name} ({wanted.chart}) is not installed")
    return _named_otherwise(wanted, twin)


def _named_otherwise(wanted: WantedRelease, twin: HelmRelease) -> Decision:
    """Of a chart that is there by another name, in whatever state: Helm lets no second release have its objects.

    It may serve, so no command stands here that would take it down.
    """
    what = f"{wanted.chart} of {wanted.subject}" if wanted.subject else wanted.chart
    return refused(
        f"{what} is here as {twin.name}, {twin.status}; every region is to have it as {wanted.name}, the first region's name"
        " or, where that has none, the guide's",
        f"keep {twin.name} while it may serve: uninstalling it takes down all that it runs here{_lost(wanted)}."
        f" See first with helm list in the first region that {wanted.name} is its name there and is not being changed by"
        " somebody. Helm renames no release: only where nothing here depends on it, or once traffic is off this region,"
        f" {twin.name} can be uninstalled, and apply then installs {wanted.name}",
    )


def _lost(wanted: WantedRelease) -> str:
    """What goes with a component beside its own pods."""
    return {
        "datastore": ", and its Cassandra nodes leave the ring",
        "operator": ", and nothing of Apigee can be changed without it",
    }.get(wanted.component, "")


def _decide_tracked(
    topology: Topology, wanted: WantedRelease, application: str, version: str | None
) -> Decision:
    """Of what Argo CD has installed: there is no chart's version to read, but the cluster's own."""
    there = f"{wanted.chart} is there by Argo CD's application {application}, which makes no Helm release"
    if version is not None and version != topology.hybrid_version:
        return refused(
            f"{there}; this cluster has hybrid {version}, the topology says {topology.hybrid_version}",
            f"set the application's targetRevision to {topology.hybrid_version} and sync it, or correct hybridVersion",
        )
    return done(there)


def upgraded(
    topology: Topology, region: Region, wanted: WantedRelease, own: Installation
) -> tuple[Command, ...]:
    """The helm command of Apigee's guide, after its dry run; charts come from where the topology says.

    Helm looks for files that the overrides name in the chart's folder: with such files it gets a copy that holds them.
    """
    files = own.overrides.files if own.overrides else ()
    chart = f'"$FOLDER/{wanted.chart}"' if files else chart_of(topology, wanted.chart)
    words = shlex.join(
        (
            *("--install", "--namespace", region.namespace, "--kube-context", context_of(region)),
            *("--version", topology.hybrid_version, "-f", str(region.overrides)),
            *(word for setting in wanted.settings for word in ("--set", setting)),
        )
    )
    words += f" {TRUSTED}"
    start = f"helm upgrade {shlex.quote(wanted.name)} {chart} {words}"
    tried, done = f"{start} --dry-run=server >/dev/null", f"{start} --atomic --timeout 15m"
    if files:
        script = f"{_furnished(topology, region, wanted, files)}\n{tried}\n{done})"
        return (
            Command(
                script=script,
                comment="from a copy of the chart that holds the files; first without changing anything",
            ),
        )
    return (Command(script=tried, comment="first without changing anything"), Command(script=done))


def _furnished(topology: Topology, region: Region, wanted: WantedRelease, files: tuple[str, ...]) -> str:
    """Bash that begins a shell of its own, with the files in a copy of the chart that goes when that shell ends: they may be keys."""
    pull = f'helm pull "$CHARTS/{wanted.chart}" --version {shlex.quote(topology.hybrid_version)} --untar --untardir "$FOLDER" {TRUSTED}'
    packed = shlex.join(("tar", "-C", str(region.overrides.parent), "-cf", "-", "--", *files))
    return (
        f"(set -eo pipefail; FOLDER=$(mktemp -d); trap 'rm -rf \"$FOLDER\"' EXIT; CHARTS={charts(topology)}\n"
        f"if [[ $CHARTS == oci://* ]]; then {pull}\n"
        f'else cp -R "$CHARTS/{wanted.chart}" "$FOLDER/"; fi\n'
        f'{packed} | tar -C "$FOLDER/{wanted.chart}" -xf -'
    )


def uninstalled(region: Region, wanted: WantedRelease) -> Command:
    context = ("--kube-context", context_of(region))
    return Command(("helm", "uninstall", wanted.name, "--namespace", region.namespace, *context))


def charts(topology: Topology) -> str:
    """A bash expression for where the charts are."""
    return f'"${{{CHARTS_VARIABLE}:-{topology.charts or OFFICIAL_CHARTS}}}"'


def chart_of(topology: Topology, chart: str) -> str:
    """A bash expression for a chart."""
    return f"{charts(topology)}/{chart}"


def definitions_applied(topology: Topology, region: Region) -> Command:
    """Apigee's CRDs from the operator's chart, on the server's side: they are too large for the client's."""
    pull = f'helm pull "$CHARTS/apigee-operator" --version {shlex.quote(topology.hybrid_version)} --untar --untardir "$FOLDER" {TRUSTED}'
    apply = f"kubectl --context {shlex.quote(context_of(region))} apply -k"
    options = "--server-side --force-conflicts --validate=false"
    return Command(
        script=f"CHARTS={charts(topology)}\n"
        f"if [[ $CHARTS == oci://* ]]; then FOLDER=$(mktemp -d); {pull}; CHARTS=$FOLDER; fi\n"
        f'{apply} "$CHARTS/apigee-operator/etc/crds/default/" {options}',
        comment="server-side: the definitions do not fit into the annotation of a client-side apply",
    )


def datastore_applied(topology: Topology, region: Region, facts: WorldFacts) -> tuple[Command, ...]:
    """The commands that apply a changed overrides file to the region's datastore."""
    if topology.installer == "apigeectl":
        return apigeectl(region, "apply", "--datastore")
    wanted = the_release(topology, facts.regions[topology.first.name].installation, "datastore")
    return upgraded(topology, region, wanted, facts.regions[region.name].installation)


def datastore_deleted(topology: Topology, region: Region, facts: WorldFacts) -> tuple[Command, ...]:
    """The installer's way to take the datastore out; with Helm the operator must be alive still, to see its resource go."""
    if topology.installer == "apigeectl":
        return apigeectl(region, "delete", "--datastore")
    first = facts.regions[topology.first.name].installation
    return (uninstalled(region, the_release(topology, first, "datastore")),)
