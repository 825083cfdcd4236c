"""The overrides files: against the topology, against each other, and against the folder that they lie in.

A new region's file may be missing, since the run writes it. The first region's may not: it is what the others are copied from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hybridspan.topology.model import Region
from hybridspan.topology.overrides import DeclaredOverrides
from hybridspan.topology.problems import Problem, ProblemSeverity
from hybridspan.topology.source import KeyPath, dotted
from hybridspan.topology.validation.case import Case, Rule

_EQUAL_EVERYWHERE: tuple[tuple[KeyPath, str], ...] = (
    (
        ("cassandra", "hostNetwork"),
        "nodes would advertise pod addresses in one region and node addresses in the other",
    ),
    (
        ("cassandra", "auth", "secret"),
        "users and passwords live in the ring: every region needs the same ones",
    ),
    (("cassandra", "port"), "clients of every region use one port"),
    (("gcp", "projectID"), "all regions belong to one organization"),
)

_PASSWORDS: tuple[KeyPath, ...] = tuple(
    ("cassandra", "auth", user, "password") for user in ("default", "admin", "ddl", "dml", "jmx", "jolokia")
)


def files_readable(case: Case) -> Iterator[Problem]:
    """The first region's file exists, and every file that exists is YAML."""
    for path, region in case.regions():
        declared = case.overrides.get(region.name)
        if declared is None:
            continue
        yield from declared.broken
        if declared.is_absent and region is case.topology.first:
            message = f"the overrides file of {region.name} does not exist: {region.overrides}"
            why = "the other regions' overrides are copied from it"
            remedy = "put the file there, or name it with `overrides`"
            yield case.error("HS-TOPOLOGY-050", (*path, "overrides"), message, why=why, remedy=remedy)


def agree_with_topology(case: Case) -> Iterator[Problem]:
    """What both files say, they say alike."""
    for region, declared in _present(case):
        for key, expected, why in _expectations(case, region):
            found = declared.declared(key)
            if found is None or _same(found, expected):
                continue
            shown = f"`{found}`" if key in declared.where.lines else f"`{found}` (Apigee's default)"
            message = f"{dotted(key)} is {shown}, the topology has `{expected}` for {region.name}"
            remedy = "correct whichever is wrong"
            yield _in(declared, "HS-TOPOLOGY-052", key, message, why=why, remedy=remedy)


def _expectations(case: Case, region: Region) -> Iterator[tuple[KeyPath, Any, str]]:
    settings = case.topology.cassandra
    yield ("org",), case.topology.organization, "the region would be installed for another organization"
    yield ("namespace",), region.namespace, "the region would be installed into another namespace"
    yield ("k8sCluster", "name"), region.cluster.name, "Apigee knows the cluster by this name"
    yield (
        ("cassandra", "clusterName"),
        settings.cluster_name,
        "a node of another cluster name never joins the ring",
    )
    yield (
        ("cassandra", "datacenter"),
        region.datacenter,
        "keyspaces would name a data center that has no nodes",
    )
    yield ("cassandra", "rack"), region.rack, "a rack cannot be changed once a node has started"
    yield (
        ("cassandra", "replicaCount"),
        region.cassandra_nodes,
        "the run waits for as many nodes as are declared",
    )


def agree_between_regions(case: Case) -> Iterator[Problem]:
    """What must be equal everywhere, is."""
    present = list(_present(case))
    if not present:
        return
    reference_region, reference = present[0]
    for region, declared in present[1:]:
        for key, why in _EQUAL_EVERYWHERE:
            expected, found = reference.declared(key), declared.declared(key)
            if not _same(found, expected):
                message = (
                    f"{dotted(key)} is `{found}` in {region.name} and `{expected}` in {reference_region.name}"
                )
                remedy = f"make it `{expected}`, as in {reference.file.name}"
                yield _in(declared, "HS-TOPOLOGY-053", key, message, why=why, remedy=remedy)


def instances_distinct(case: Case) -> Iterator[Problem]:
    """Each cluster has an instance id of its own."""
    seen: dict[str, Region] = {}
    for region, declared in _present(case):
        instance = declared.declared(("instanceID",))
        if instance is None:
            continue
        earlier = seen.setdefault(str(instance), region)
        if earlier is not region:
            message = f"instanceID `{instance}` of {region.name} is also that of {earlier.name}"
            why = "Apigee tells clusters apart by it"
            yield _in(
                declared,
                "HS-TOPOLOGY-058",
                ("instanceID",),
                message,
                why=why,
                remedy="give each cluster its own",
            )


def host_network_fits(case: Case) -> Iterator[Problem]:
    """Pods of an overlay cannot be reached through a peering, so Cassandra must use the nodes' addresses."""
    for region, declared in _present(case):
        plugin = case.plugin(region)
        key: KeyPath = ("cassandra", "hostNetwork")
        if plugin in {"azure-overlay", "kubenet"} and not declared.declared(key):
            message = f"cassandra.hostNetwork is false in {region.name}, whose network plugin is {plugin}"
            why = "pods of this plugin cannot be reached from another network: the nodes would never join"
            remedy = (
                "the run sets it where the cluster really has this plugin, in the existing region first (its nodes "
                "restart one by one); another region's file must have it too"
            )
            yield _in(declared, "HS-TOPOLOGY-056", key, message, severity="warning", why=why, remedy=remedy)


def named_files_exist(case: Case) -> Iterator[Problem]:
    """Certificates and keys that overrides name lie where they say."""
    for region, declared in _present(case):
        for named in declared.named_files:
            if not named.exists:
                message = f"{dotted(named.path)} of {region.name} names `{named.name}`, which does not exist"
                why = f"paths are relative to {declared.file.parent.name}/; the installer refuses a missing file"
                remedy = "put the file there before the run"
                yield _in(
                    declared,
                    "HS-TOPOLOGY-054",
                    named.path,
                    message,
                    severity="warning",
                    why=why,
                    remedy=remedy,
                )


def nothing_left_over(case: Case) -> Iterator[Problem]:
    """A seed in the first region's overrides comes from an earlier expansion."""
    declared = case.overrides.get(case.topology.first.name)
    key: KeyPath = ("cassandra", "multiRegionSeedHost")
    if declared and declared.value is not None and declared.declared(key):
        message = f"multiRegionSeedHost is still in the overrides of {case.topology.first.name}"
        why = "a node that restarts would look for a seed that may be gone"
        remedy = "delete the line and apply the overrides once"
        yield _in(declared, "HS-TOPOLOGY-055", key, message, severity="warning", why=why, remedy=remedy)


def passwords_kept_out(case: Case) -> Iterator[Problem]:
    """Passwords belong in a secret; Apigee's published default is no password at all."""
    for _region, declared in _present(case):
        for key in _PASSWORDS:
            password = declared.declared(key)
            if password is None:
                continue
            published = password == "iloveapis123"  # noqa: S105 - Apigee's default, printed in its documentation
            what = "is Apigee's published default" if published else "stands in the file in clear"
            remedy = "keep the passwords in a Kubernetes secret and name it in cassandra.auth.secret"
            yield _in(
                declared, "HS-TOPOLOGY-057", key, f"{dotted(key)} {what}", severity="warning", remedy=remedy
            )


def users_in_a_secret(case: Case) -> Iterator[Problem]:
    """hybridspan logs in with what a Kubernetes secret holds, and takes that secret to the new region."""
    key = ("cassandra", "auth", "secretProviderClass")
    for region, declared in _present(case):
        if declared.declared(key) is None:
            continue
        yield _in(
            declared,
            "HS-TOPOLOGY-059",
            key,
            f"Cassandra's users of {region.name} come from a secret store ({dotted(key)}), and hybridspan cannot read them there",
            why="it logs in to every node, and brings the new region what its pods need: neither Vault's passwords nor a"
            " SecretProviderClass with its driver are in its reach",
            remedy="keep the same users and passwords in a Kubernetes secret of every region and name it in cassandra.auth.secret,"
            " at least until the new region is proved",
        )


def _present(case: Case) -> Iterator[tuple[Region, DeclaredOverrides]]:
    for region in case.topology.regions:
        declared = case.overrides.get(region.name)
        if declared and declared.value is not None:
            yield region, declared


def _same(found: Any, expected: Any) -> bool:
    return found == expected or str(found) == str(expected)


def _in(
    declared: DeclaredOverrides,
    code: str,
    key: KeyPath,
    message: str,
    *,
    severity: ProblemSeverity = "error",
    why: str = "",
    remedy: str = "",
) -> Problem:
    line = declared.where.line(key)
    return Problem(code, severity, declared.file, line, dotted(key), message, why, remedy)


RULES: tuple[Rule, ...] = (
    files_readable,
    agree_with_topology,
    agree_between_regions,
    instances_distinct,
    host_network_fits,
    named_files_exist,
    nothing_left_over,
    passwords_kept_out,
    users_in_a_secret,
)
