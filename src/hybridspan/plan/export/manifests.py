"""The plan for GitOps: for each new region its values, resources, an Argo CD Application and a Flux HelmRelease for each
release, and the order with what no controller can do. Nothing secret is in it.

Waves are the plan's order. Between two of them stand acts that only hybridspan (or a person) can do and prove: trust,
system keyspaces, the comparison. They are in `order.md`, in their place.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hybridspan.errors import InputError
from hybridspan.facts.helm import WantedRelease
from hybridspan.plan.model import Plan
from hybridspan.plan.phases.kubectl import context_of
from hybridspan.plan.phases.operator import key_of
from hybridspan.plan.phases.releases import OFFICIAL_CHARTS, definitions_applied
from hybridspan.plan.phases.replication import RESOURCE, manifest
from hybridspan.topology.model import Region, Topology

Document = dict[str, Any]

_VALUES: Final = "apigee-values"
_STEPS: Final[Mapping[str, str]] = {
    "operator": "operator",
    "datastore": "datastore",
    "org": "organization",
    "replication": "replication",
}
"""Step of the plan by what is installed; other releases are steps of their own."""
_BY_HYBRIDSPAN: Final = (
    "peering",
    "ports",
    "simple-keyspaces",
    "authority",
    "cert-manager",
    "secrets",
    "storage",
    "crds",
    "reachability",
    "auth-keyspace",
    "system-keyspaces",
    "data-keyspaces",
    "source-repair",
    "rebuild",
    "verify",
    "verify-again",
)
"""Phases that no controller carries out."""


@dataclass(frozen=True, slots=True)
class RegionInput:
    """What is known of one new region beside the plan."""

    region: Region
    releases: tuple[WantedRelease, ...]
    values: str
    """The overrides, with the seed while nodes have yet to join."""
    document: Mapping[str, Any]
    """The same, read."""
    organization: str
    passwords: tuple[str, ...] = ()
    """Keys of the overrides that hold a password."""


def manifests(plan: Plan, topology: Topology, regions: Iterable[RegionInput]) -> dict[str, str]:
    """Content by path; InputError where the overrides hold passwords, which belong into no repository."""
    files: dict[str, str] = {}
    for given in regions:
        if given.passwords:
            raise InputError(
                "HS-PLAN-006",
                f"{given.region.overrides.name} holds passwords, and what is exported is for a repository",
                where=", ".join(given.passwords),
                hint="keep them in a Kubernetes secret, name it in cassandra.auth.secret, and export again",
            )
        for name, text in _region(plan, topology, given):
            files[f"{given.region.name}/{name}"] = text
    return files


def _region(plan: Plan, topology: Topology, given: RegionInput) -> Iterator[tuple[str, str]]:
    waves = _waves(plan, given)
    yield "values.yaml", given.values
    yield "resources/namespace.yaml", _yaml(_namespace(given.region))
    yield "resources/values-configmap.yaml", _yaml(_config_map(given))
    replication = manifest(given.region, given.organization)
    replication["metadata"]["annotations"] = _wave(waves["replication"])
    yield f"resources/{RESOURCE}.yaml", _yaml(replication)
    yield "flux/00-charts.yaml", _yaml(_repository(topology, given.region))
    previous = ""
    for wanted in sorted(given.releases, key=lambda r: waves[key_of(r)]):
        number = waves[key_of(wanted)]
        name = f"{number:02d}-{wanted.name}.yaml"
        yield f"argocd/{name}", _yaml(_application(topology, given, wanted, number))
        yield f"flux/{name}", _yaml(_helm_release(topology, given, wanted, previous))
        previous = wanted.name
    yield "order.md", _order(plan, topology, given, waves)


def _step_of(key: str, region: Region) -> str:
    return f"{_STEPS[key]}/{region.name}" if key in _STEPS else f"release/{region.name}/{key}"


def _waves(plan: Plan, given: RegionInput) -> dict[str, int]:
    """A number for each release and for the replication, as they follow one another in the plan."""
    places = {step.id: number for number, step in enumerate(plan.steps)}
    keys = [*(key_of(r) for r in given.releases), "replication"]
    keys.sort(key=lambda key: places[_step_of(key, given.region)])  # type: ignore[index]
    return {key: number for number, key in enumerate(keys, 1)}


def _wave(number: int) -> dict[str, str]:
    return {"argocd.argoproj.io/sync-wave": str(number)}


def _namespace(region: Region) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": region.namespace, "annotations": _wave(0)},
    }


def _config_map(given: RegionInput) -> Document:
    metadata = {"name": _VALUES, "namespace": given.region.namespace, "annotations": _wave(0)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"values.yaml": given.values},
    }


def _registry(topology: Topology) -> str:
    """A registry that a controller can reach: a folder of this machine is none."""
    named = topology.charts or OFFICIAL_CHARTS
    return named if named.startswith("oci://") else OFFICIAL_CHARTS


def _application(topology: Topology, given: RegionInput, wanted: WantedRelease, wave: int) -> Document:
    region = given.region
    helm: Document = {"releaseName": wanted.name, "valuesObject": dict(given.document)}
    if wanted.settings:
        helm["parameters"] = [
            dict(zip(("name", "value"), s.split("=", 1), strict=True)) for s in wanted.settings
        ]
    source = {
        "repoURL": _registry(topology).removeprefix("oci://"),
        "chart": wanted.chart,
        "targetRevision": topology.hybrid_version,
        "helm": helm,
    }
    metadata = {"name": f"{region.name}-{wanted.name}", "namespace": "argocd", "annotations": _wave(wave)}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": metadata,
        "spec": {
            "project": "default",
            "source": source,
            "destination": {"name": region.cluster.name, "namespace": region.namespace},
            "syncPolicy": {"syncOptions": ["ServerSideApply=true"]},
        },
    }


def _repository(topology: Topology, region: Region) -> Document:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmRepository",
        "metadata": {"name": "apigee-charts", "namespace": region.namespace},
        "spec": {"type": "oci", "interval": "1h", "url": _registry(topology)},
    }


def _helm_release(topology: Topology, given: RegionInput, wanted: WantedRelease, previous: str) -> Document:
    chart = {
        "chart": wanted.chart,
        "version": topology.hybrid_version,
        "sourceRef": {"kind": "HelmRepository", "name": "apigee-charts"},
    }
    spec: Document = {
        "interval": "10m",
        "timeout": "15m",
        "releaseName": wanted.name,
        "chart": {"spec": chart},
        "install": {"crds": "Skip"},
        "valuesFrom": [{"kind": "ConfigMap", "name": _VALUES}],
    }
    if wanted.settings:
        spec["values"] = dict([s.split("=", 1) for s in wanted.settings])
    if previous:
        spec["dependsOn"] = [{"name": previous}]
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": wanted.name, "namespace": given.region.namespace},
        "spec": spec,
    }


_HEAD: Final = """# Order for {region} ({datacenter})

`argocd/` and `flux/` hold the same releases: use one of them. Values are `values.yaml`; Flux reads them from
`resources/values-configmap.yaml`. A line without a file is what no controller can do: hybridspan does it and proves it.
**Sync no wave before the lines above it are done**: `hybridspan apply {topology} --until STEP` goes that far, and finds
as done what the controller has installed.

Nothing secret is here. `apigee-ca` and the secrets that the values name come from the first region, from cluster to cluster
(`--until secrets/{region}`). Files that values name by path (`…Path`) lie in no registry's chart: name secrets instead
(`serviceAccountRef`, `sslSecret`).

| wave | what | file | step of hybridspan |
|---|---|---|---|
"""

_TAIL: Final = """
## Definitions

Apigee's CRDs are no part of what a chart installs. Before the operator's wave:

```bash
{definitions}
```

## The seed

`multiRegionSeedHost` stands in the values only until every node of {datacenter} has joined and `verify/{region}` is done.
Then delete the line in `values.yaml` (and in the config map and the applications, or export again) and sync the datastore
once more. This no longer shows it:

```bash
kubectl --context {context} -n {namespace} get apigeeds default -o yaml
```
"""


def _order(plan: Plan, topology: Topology, given: RegionInput, waves: Mapping[str, int]) -> str:
    region = given.region
    words = {
        "region": region.name,
        "datacenter": region.datacenter,
        "topology": topology.path.name,
        "namespace": region.namespace,
        "context": context_of(region),
        "definitions": definitions_applied(topology, region).text(),
    }
    rows = _rows(plan, given, waves)
    return _HEAD.format(**words) + "".join(f"{row}\n" for row in rows) + _TAIL.format(**words)


def _rows(plan: Plan, given: RegionInput, waves: Mapping[str, int]) -> Iterator[str]:
    installed = {_step_of(key_of(r), given.region): r for r in given.releases}
    for step in plan.steps:
        if step.id in installed:
            wanted = installed[step.id]
            wave = waves[key_of(wanted)]
            yield f"| {wave} | {step.title} | `{wave:02d}-{wanted.name}.yaml` | `{step.id}` |"
        elif step.id == f"replication/{given.region.name}":
            yield f"| {waves['replication']} | {step.title} | `resources/{RESOURCE}.yaml` | `{step.id}` |"
        elif step.id == f"seed-out/{given.region.name}":
            yield f"| {waves['datastore']} again | {step.title} | `values.yaml` without the seed | `{step.id}` |"
        elif step.phase in _BY_HYBRIDSPAN and (
            step.region == given.region.name or given.region.name in step.id
        ):
            yield f"| | {step.title} | | `{step.id}` |"


def _yaml(document: Document) -> str:
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()
