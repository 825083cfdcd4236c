"""Names: what Azure, Kubernetes and Google accept, and what must be unique."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hybridspan.topology import azure_ids
from hybridspan.topology.locations import LOCATIONS, PUBLIC_ENDPOINT, location_named
from hybridspan.topology.model import Region
from hybridspan.topology.problems import Problem
from hybridspan.topology.source import KeyPath
from hybridspan.topology.suggestion import did_you_mean
from hybridspan.topology.validation.case import Case, Rule


@dataclass(frozen=True, slots=True)
class NamingRule:
    """Which names a kind of resource may have."""

    kind: str
    pattern: re.Pattern[str]
    words: str


GROUP: Final = NamingRule(
    "resource group",
    re.compile(r"[\w().-]{0,89}[\w()-]", re.ASCII),
    "1 to 90 letters, digits, underscores, parentheses, hyphens and periods, not ending in a period",
)
NETWORK: Final = NamingRule(
    "virtual network",
    re.compile(r"[A-Za-z0-9][\w.-]{0,62}\w", re.ASCII),
    "2 to 64 letters, digits, underscores, periods and hyphens, beginning with a letter or digit",
)
SUBNET: Final = NamingRule(
    "subnet",
    re.compile(r"[A-Za-z0-9]([\w.-]{0,78}\w)?", re.ASCII),
    "1 to 80 letters, digits, underscores, periods and hyphens, beginning with a letter or digit",
)
CLUSTER: Final = NamingRule(
    "AKS cluster",
    re.compile(r"[A-Za-z0-9]([\w-]{0,61}[A-Za-z0-9])?", re.ASCII),
    "1 to 63 letters, digits, underscores and hyphens, beginning and ending with a letter or digit",
)
POOL: Final = NamingRule(
    "node pool",
    re.compile(r"[a-z][a-z0-9]{0,11}"),
    "1 to 12 lower-case letters and digits, beginning with a letter",
)
NAMESPACE: Final = NamingRule(
    "namespace",
    re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
    "1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit",
)
SUBSCRIPTION: Final = NamingRule(
    "subscription",
    re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "an id such as 00000000-0000-0000-0000-000000000000 (`az account show --query id`)",
)
ORGANIZATION: Final = NamingRule(
    "organization",
    re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]"),
    "2 to 32 lower-case letters, digits and hyphens, beginning with a letter",
)


NETWORK_TYPE: Final = "Microsoft.Network/virtualNetworks"
CLUSTER_TYPE: Final = "Microsoft.ContainerService/managedClusters"


def names_valid(case: Case) -> Iterator[Problem]:
    """Every name has the form that its owner accepts."""
    organization: KeyPath = ("spec", "organization")
    checked = [(ORGANIZATION, case.topology.organization, organization)]
    for path, region in case.regions():
        checked.extend(_names(region, path))
    for rule, name, path in checked:
        if not rule.pattern.fullmatch(name):
            message = f"`{name}` is no valid name for a {rule.kind}"
            yield case.error(
                "HS-TOPOLOGY-020", _declared(case, path), message, why=f"it must be {rule.words}"
            )


def _names(region: Region, path: KeyPath) -> Iterator[tuple[NamingRule, str, KeyPath]]:
    yield SUBSCRIPTION, region.subscription, (*path, "subscription")
    yield GROUP, region.resource_group, (*path, "resourceGroup")
    yield NAMESPACE, region.namespace, (*path, "namespace")
    yield NETWORK, region.network.name, (*path, "network", "name")
    yield SUBNET, region.network.subnet.name, (*path, "network", "subnet", "name")
    yield CLUSTER, region.cluster.name, (*path, "cluster", "name")
    for index, pool in enumerate(region.cluster.node_pools):
        yield POOL, pool.name, (*path, "cluster", "nodePools", index, "name")


_INHERITED: Final[dict[str, KeyPath]] = {
    "subscription": ("spec", "azure", "subscription"),
    "resourceGroup": ("spec", "azure", "resourceGroup"),
    "namespace": ("spec", "namespace"),
}


def _declared(case: Case, path: KeyPath) -> KeyPath:
    """Where a value really stands: an inherited one is shown once, where it is written."""
    if path in case.where.lines:
        return path
    inherited = _INHERITED.get(str(path[-1]), path)
    return inherited if inherited in case.where.lines else path


def locations_known(case: Case) -> Iterator[Problem]:
    """A region is one of public Azure's locations; those of another cloud, which the file names, are not known here."""
    endpoint = (case.topology.azure_endpoint or PUBLIC_ENDPOINT).rstrip("/")
    is_public = endpoint.lower() == PUBLIC_ENDPOINT
    for path, region in case.regions():
        if region.name in LOCATIONS:
            continue
        meant = location_named(region.name)
        guess = f'; did you mean "{meant}"?' if meant else did_you_mean(region.name, LOCATIONS)
        listed = "`az account list-locations -o table` lists them"
        key, no_location = (*path, "name"), f"location{guess}"
        if is_public:
            yield case.error(
                "HS-TOPOLOGY-021",
                key,
                f"`{region.name}` is no Azure {no_location}",
                why="Azure refuses it (LocationNotAvailableForResourceType)",
                remedy=f"name it {meant}" if meant else listed,
            )
        else:
            yield case.warning(
                "HS-TOPOLOGY-021",
                key,
                f"`{region.name}` is no public Azure {no_location}",
                why=f"the cloud at {endpoint} has locations of its own, which are not known here, and refuses what is none of them",
                remedy=f"in that cloud, {listed}",
            )


def regions_distinct(case: Case) -> Iterator[Problem]:
    """Every region stands in the file once."""
    seen: dict[str, Region] = {}
    for path, region in case.regions():
        earlier = seen.setdefault(region.name.lower(), region)
        if earlier is not region:
            message = f"region {region.name} is declared twice (the first time in line {earlier.line})"
            yield case.error(
                "HS-TOPOLOGY-022",
                (*path, "name"),
                message,
                why="a region has one cluster and one data center",
            )


def resources_distinct(case: Case) -> Iterator[Problem]:
    """Two regions never mean the same network, cluster or file."""
    seen: dict[tuple[str, ...], Region] = {}
    for path, region in case.regions():
        for kind, name, of, key in (
            ("network", region.network.name, azure_ids.network_id, (*path, "network", "name")),
            ("cluster", region.cluster.name, azure_ids.cluster_id, (*path, "cluster", "name")),
        ):
            earlier = seen.setdefault((kind, of(region).lower()), region)
            if earlier is not region:
                message = (
                    f"{earlier.name} and {region.name} have the same {kind} `{name}` in one resource group"
                )
                yield case.error("HS-TOPOLOGY-023", key, message, remedy="give each region its own name")
        earlier = seen.setdefault(("overrides", str(region.overrides)), region)
        if earlier is not region:
            message = f"{earlier.name} and {region.name} have the same overrides file {region.overrides.name}"
            yield case.error(
                "HS-TOPOLOGY-024", (*path, "overrides"), message, remedy="give each region its own file"
            )


def ids_fit(case: Case) -> Iterator[Problem]:
    """A declared id is one of the right kind, and the name beside it is its own."""
    for path, region in case.regions():
        for key, kind, declared, name in (
            ("network", NETWORK_TYPE, region.network.id, region.network.name),
            ("cluster", CLUSTER_TYPE, region.cluster.id, region.cluster.name),
        ):
            if declared is None:
                continue
            if f"/providers/{kind}/".lower() not in declared.lower():
                message = f"`{declared}` is no id of a {key}"
                remedy = f"it has /providers/{kind}/ in it: az resource list --resource-type {kind} --query '[].id'"
                yield case.error("HS-TOPOLOGY-027", (*path, key, "id"), message, remedy=remedy)
            elif declared.rsplit("/", 1)[1].lower() != name.lower():
                message = f"{key} has the id of `{declared.rsplit('/', 1)[1]}` and the name `{name}`"
                remedy = "leave the name out: the id has it"
                yield case.error("HS-TOPOLOGY-027", (*path, key, "name"), message, remedy=remedy)


def contexts_distinct(case: Case) -> Iterator[Problem]:
    """One kube context for two regions would install the second over the first; one that is not declared is the cluster's name."""
    seen: dict[str, Region] = {}
    for path, region in case.regions():
        earlier = seen.setdefault(region.context, region)
        if earlier is not region:
            other = f"{region.cluster.name}-{region.name}"
            message = f"{earlier.name} and {region.name} have the same kube context `{region.context}`"
            why = "the new region would be installed over the existing one: an undeclared context is the cluster's name"
            remedy = (
                f"name the context of one of them, such as cluster.context: {other}; where its cluster exists, "
                f"az aks get-credentials --context {other} makes it"
            )
            key = "context" if region.cluster.context else "name"
            yield case.error("HS-TOPOLOGY-025", (*path, "cluster", key), message, why=why, remedy=remedy)


def roles_fit(case: Case) -> Iterator[Problem]:
    """Roles say what the mode says."""
    mode = case.topology.mode
    for path, region in case.regions():
        if mode == "active-active" and region.role == "passive":
            message = f"{region.name} is passive in an active-active installation"
            yield case.error(
                "HS-TOPOLOGY-026",
                (*path, "role"),
                message,
                remedy="set mode: active-passive, or leave role out",
            )
    if mode == "active-passive" and not any(r.role == "active" for r in case.topology.regions):
        yield case.error(
            "HS-TOPOLOGY-026", ("spec", "mode"), "no region is active", remedy="make the first region active"
        )


RULES: tuple[Rule, ...] = (
    names_valid,
    locations_known,
    regions_distinct,
    resources_distinct,
    ids_fit,
    contexts_distinct,
    roles_fit,
)
