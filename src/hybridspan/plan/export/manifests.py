"""The plan for GitOps: for each new region its values, resources, an Argo CD Application and a Flux HelmRelease for each
release, and the order with what no controller can do. Nothing secret is in it.

Waves are the plan's order. Between two of them stand acts that only hybridspan (or a person) can do and prove: trust,
system keyspaces, the comparison. They are in `order.md`, in their place.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

from hybridspan.errors import InputError
from hybridspan.facts.helm import WantedRelease
from hybridspan.plan.export.order import RegionInput, order, waves_of
from hybridspan.plan.model import Plan
from hybridspan.plan.phases.operator import key_of
from hybridspan.plan.phases.releases import OFFICIAL_CHARTS
from hybridspan.plan.phases.replication import RESOURCE, manifest
from hybridspan.topology.model import Region, Topology

Document = dict[str, Any]

_VALUES: Final = "apigee-values"


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
    waves = waves_of(plan, given)
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
    yield "order.md", order(plan, topology, given, waves)


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
    # dependsOn knows releases only: what stands between two waves holds nothing but a person's resume. What is
    # deployed has had its wave; suspended again, Flux would neither keep nor change it.
    held: Document = {} if wanted.name in given.deployed else {"suspend": True}
    spec: Document = {
        **held,
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


def _yaml(document: Document) -> str:
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()
