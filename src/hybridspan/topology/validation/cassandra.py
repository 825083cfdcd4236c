"""What Cassandra asks of a topology: data centers, replicas, ports."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hybridspan.topology.model import Region
from hybridspan.topology.problems import Problem
from hybridspan.topology.source import KeyPath
from hybridspan.topology.suggestion import did_you_mean
from hybridspan.topology.validation.case import Case, Rule

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,47}")


def datacenters_distinct(case: Case) -> Iterator[Problem]:
    """Data center names differ, and by more than their case."""
    seen: dict[str, Region] = {}
    for path, region in case.regions():
        earlier = seen.setdefault(region.datacenter.casefold(), region)
        if earlier is region:
            continue
        same = earlier.datacenter == region.datacenter
        how = "are both" if same else f"differ only in case from `{earlier.datacenter}`: both are"
        message = f"the data centers of {earlier.name} and {region.name} {how} `{region.datacenter}`"
        if not same:
            message = (
                f"data center `{region.datacenter}` of {region.name} differs only in case "
                f"from `{earlier.datacenter}` of {earlier.name}"
            )
        yield case.error(
            "HS-TOPOLOGY-030",
            (*path, "datacenter"),
            message,
            why="the nodes of both would be one data center, and nothing would be replicated to the new one"
            if same
            else "Cassandra tells them apart, people do not: a keyspace that names the wrong one keeps no copy",
            remedy="give each region a name of its own; it cannot be changed once a node has started",
        )


def cassandra_names_plain(case: Case) -> Iterator[Problem]:
    """Names that end up in property files and CQL strings hold nothing that needs quoting."""
    names: list[tuple[str, str, KeyPath]] = [
        ("Cassandra cluster name", case.topology.cassandra.cluster_name, ("spec", "cassandra", "clusterName"))
    ]
    for path, region in case.regions():
        names.append(("data center name", region.datacenter, (*path, "datacenter")))
        names.append(("rack name", region.rack, (*path, "rack")))
    for kind, name, path in names:
        # Cluster names may hold spaces: Cassandra's own default is `Test Cluster`.
        if not _PLAIN_NAME.fullmatch(name.replace(" ", "-") if path[-1] == "clusterName" else name):
            why = "it stands in property files and CQL strings: letters, digits, hyphens, underscores and periods only"
            yield case.error("HS-TOPOLOGY-037", path, f"`{name}` is no usable {kind}", why=why)


def sources_known(case: Case) -> Iterator[Problem]:
    """A region copies from a data center that has the data by then: the first one or one added before it."""
    earlier: list[str] = []
    for path, region in case.regions():
        place = (*path, "copyFrom")
        if region.copy_from is None:
            if place in case.where.lines:
                message = f"{region.name} is the existing installation and copies from nowhere"
                yield case.error("HS-TOPOLOGY-031", place, message, remedy="remove copyFrom here")
        elif region.copy_from not in earlier:
            yield _unknown_source(case, place, region, earlier)
        earlier.append(region.datacenter)


def _unknown_source(case: Case, place: KeyPath, region: Region, earlier: list[str]) -> Problem:
    source = str(region.copy_from)
    if source == region.datacenter:
        message = f"{region.name} would copy from itself (`{source}`)"
    elif any(source == other.datacenter for other in case.topology.regions):
        message = f"{region.name} would copy from `{source}`, which is added after it"
    else:
        message = (
            f"{region.name} would copy from `{source}`, which no region has{did_you_mean(source, earlier)}"
        )
    why = "a rebuild from a data center without the data reports success and copies nothing"
    return case.error("HS-TOPOLOGY-031", place, message, why=why, remedy=f"name one of: {', '.join(earlier)}")


def replicas_enough(case: Case) -> Iterator[Problem]:
    """Three replicas survive the loss of one; more replicas than nodes never exist."""
    factor = case.topology.cassandra.replication_factor
    place: KeyPath = ("spec", "cassandra", "replicationFactor")
    if factor < 3:
        why = "with fewer than three replicas LOCAL_QUORUM fails, or data is lost, with the first node that goes"
        message = f"replication factor {factor} is below three"
        yield case.warning("HS-TOPOLOGY-032", place, message, why=why, remedy="use 3, unless this is a trial")
    for path, region in case.regions():
        nodes, count = (*path, "cassandraNodes"), region.cassandra_nodes
        if factor > count:
            message = f"replication factor {factor} is above the {count} Cassandra nodes of {region.name}"
            why = "Cassandra accepts the ALTER and then fails every write that wants all replicas"
            yield case.error(
                "HS-TOPOLOGY-033", nodes, message, why=why, remedy=f"declare at least {factor} nodes"
            )
        elif count < 3:
            message = f"{region.name} has {count} Cassandra nodes, fewer than three"
            why = "one node that goes takes the quorum, or the data, with it"
            yield case.warning(
                "HS-TOPOLOGY-032", nodes, message, why=why, remedy="use 3, unless this is a trial"
            )
        elif count % 3:
            message = f"{region.name} has {count} Cassandra nodes, which is no multiple of three"
            why = "Apigee's controller scales Cassandra in steps of three"
            yield case.warning(
                "HS-TOPOLOGY-034", nodes, message, why=why, remedy=f"use {count + 3 - count % 3}"
            )


def ports_distinct(case: Case) -> Iterator[Problem]:
    """The two internode ports differ from each other and from the client's."""
    settings = case.topology.cassandra
    if settings.tls_port == settings.plain_port:
        message = f"tlsPort and plainPort are both {settings.tls_port}"
        yield case.error(
            "HS-TOPOLOGY-035",
            ("spec", "cassandra", "tlsPort"),
            message,
            remedy="Cassandra's are 7001 and 7000",
        )
    if settings.open_plain_port:
        message = "openPlainPort opens Cassandra's plain-text port between the regions"
        why = "everything on it, passwords' hashes included, crosses the backbone unencrypted"
        remedy = "leave it closed; it is only a way back while troubleshooting"
        yield case.warning(
            "HS-TOPOLOGY-038", ("spec", "cassandra", "openPlainPort"), message, why=why, remedy=remedy
        )


RULES: tuple[Rule, ...] = (
    datacenters_distinct,
    cassandra_names_plain,
    sources_known,
    replicas_enough,
    ports_distinct,
)
