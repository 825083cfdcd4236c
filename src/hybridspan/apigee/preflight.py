"""What pre-flight finds of Apigee: one release, one cluster name, one network mode, a backup. Pure, from facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hybridspan.apigee.helm_preflight import helm_findings
from hybridspan.facts.apigee import ApigeeFacts, DatastoreFacts
from hybridspan.facts.azure import ClusterFacts
from hybridspan.facts.world import Finding, RegionFacts, Severity
from hybridspan.plan.phases.host_network import by_argo, how_by_argo
from hybridspan.topology.model import Region, Topology


def findings(topology: Topology, regions: Mapping[str, RegionFacts]) -> list[Finding]:
    """Of every region with an installation; and whether the first has one at all."""
    found: list[Finding] = []
    first = regions[topology.first.name]
    if first.apigee is None or first.apigee.datastore is None:
        hint = "install hybrid in the first region by its own guide; then plan again"
        where = _where(topology.first)
        found.append(
            Finding("installation", "refuse", where, "there is no hybrid installation (no datastore)", hint)
        )
    for region in topology.regions:
        facts = regions[region.name]
        if facts.apigee is not None and facts.apigee.datastore is not None:
            found += _installed(topology, region, facts.apigee, facts.apigee.datastore)
        found += _network_mode(topology, region, regions)
    return found + helm_findings(topology, regions)


def _where(region: Region) -> str:
    return f"{region.name}, cluster {region.cluster.name}"


def _installed(
    topology: Topology, region: Region, apigee: ApigeeFacts, store: DatastoreFacts
) -> Iterator[Finding]:
    where, is_first = _where(region), region.name == topology.first.name
    yield _release(topology, where, apigee)
    if not apigee.controller_ready:
        hint = f"kubectl --context {region.context} get deployment -A | grep apigee-controller-manager"
        severity: Severity = "refuse" if is_first else "warn"
        yield Finding("controller", severity, where, "the Apigee controller is not available", hint)
    else:
        yield Finding("controller", "pass", where, "the Apigee controller is available")
    if store.state != "running" and is_first:
        hint = f"{region.kubectl} get apigeeds; wait until it is running before another region is added"
        yield Finding(
            "datastore", "refuse", where, f"the datastore is {store.state or 'in no known state'}", hint
        )
    yield from _names(topology, region, store)
    if is_first:
        yield _backup(where, store)


def _release(topology: Topology, where: str, apigee: ApigeeFacts) -> Finding:
    if apigee.hybrid_version is None:
        return Finding(
            "hybrid-version", "unknown", where, "neither datastore nor controller tells its release"
        )
    if apigee.hybrid_version != topology.hybrid_version:
        hint = "all regions need one release: correct hybridVersion, or upgrade first"
        message = f"hybrid {apigee.hybrid_version} is installed, the topology says {topology.hybrid_version}"
        return Finding("hybrid-version", "refuse", where, message, hint)
    return Finding("hybrid-version", "pass", where, f"hybrid {apigee.hybrid_version}")


def _names(topology: Topology, region: Region, store: DatastoreFacts) -> Iterator[Finding]:
    where = _where(region)
    expected = (
        ("datacenter", store.datacenter, str(region.datacenter)),
        ("rack", store.rack, region.rack),
        ("cluster name", store.cluster_name, topology.cassandra.cluster_name),
    )
    wrong = [f"{name} is {live}, the topology says {said}" for name, live, said in expected if live != said]
    if wrong:
        hint = "names cannot be changed on a running node: correct the topology"
        yield Finding("names", "refuse", where, "; ".join(wrong), hint)
    else:
        yield Finding("names", "pass", where, f"{store.cluster_name}: {store.datacenter}, {store.rack}")
    if store.replicas != region.cassandra_nodes:
        message = (
            f"{store.replicas} Cassandra nodes are installed, the topology says {region.cassandra_nodes}"
        )
        hint = "correct cassandraNodes in the topology"
        yield Finding("node-count", "refuse", where, message, hint)


def _backup(where: str, store: DatastoreFacts) -> Finding:
    if store.backup_enabled:
        return Finding("backup", "pass", where, "Cassandra backups are on")
    hint = "cassandra.backup in the overrides: a copy of the data from before is the only way back from a mistake"
    return Finding("backup", "warn", where, "Cassandra backups are off", hint)


def _network_mode(
    topology: Topology, region: Region, regions: Mapping[str, RegionFacts]
) -> Iterator[Finding]:
    facts, first = regions[region.name], regions[topology.first.name]
    live = first.apigee.datastore.host_network if first.apigee and first.apigee.datastore else None
    own = facts.overrides.host_network if facts.overrides and not facts.overrides.problem else None
    azure = first.azure.cluster
    is_ours_to_change = azure is not None and not azure.pods_are_routable and live is False
    if is_ours_to_change and region.name == topology.first.name and topology.new_regions:
        application = by_argo(topology, first.apigee)
        hint = f"step host-network/{region.name} changes the existing region first, one node after the other"
        if application:
            hint = how_by_argo(application, facts.overrides.path if facts.overrides else "its overrides")
        message = (
            f"pods of network plugin {_plugin(azure)} cannot be reached from another region: without "
            "cassandra.hostNetwork: true no node of another region could join"
        )
        yield Finding("host-network", "refuse" if application else "warn", _where(region), message, hint)
        return
    if is_ours_to_change:
        return
    if live is not None and own is not None and live != own:
        hint = "cassandra.hostNetwork must be equal in every region, and set before the first is added"
        message = (
            f"hostNetwork is {_word(own)} in the overrides, {_word(live)} in the first region's installation"
        )
        yield Finding("host-network", "refuse", _where(region), message, hint)


def _plugin(cluster: ClusterFacts | None) -> str:
    if cluster is None:
        return ""
    mode = f" {cluster.network_plugin_mode}" if cluster.network_plugin_mode else ""
    return f"{cluster.network_plugin}{mode}"


def _word(value: bool) -> str:
    return "true" if value else "false"
