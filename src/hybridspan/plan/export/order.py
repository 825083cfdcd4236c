"""The order of the exported manifests: waves as they follow one another in the plan, and what stands between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hybridspan.facts.helm import WantedRelease
from hybridspan.plan.export.runbook import REFUSED
from hybridspan.plan.model import Plan, PlannedStep
from hybridspan.plan.phases.kubectl import context_of
from hybridspan.plan.phases.operator import key_of
from hybridspan.plan.phases.releases import definitions_applied
from hybridspan.plan.phases.replication import RESOURCE
from hybridspan.topology.model import Region, Topology

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
    "identity",
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
    """The overrides without their comments, with the seed until the nodes have joined and the data is proved."""
    document: Mapping[str, Any]
    """The same, read."""
    organization: str
    passwords: tuple[str, ...] = ()
    """Keys of the overrides that hold a password."""
    deployed: frozenset[str] = frozenset()
    """Names of Helm releases that are deployed there already."""


def step_of(key: str, region: Region) -> str:
    return f"{_STEPS[key]}/{region.name}" if key in _STEPS else f"release/{region.name}/{key}"


def waves_of(plan: Plan, given: RegionInput) -> dict[str, int]:
    """A number for each release and for the replication, as they follow one another in the plan."""
    places = {step.id: number for number, step in enumerate(plan.steps)}
    keys = [*(key_of(r) for r in given.releases), "replication"]
    keys.sort(key=lambda key: places[step_of(key, given.region)])  # type: ignore[index]
    return {key: number for number, key in enumerate(keys, 1)}


_HEAD: Final = """# Order for {region} ({datacenter})

{refused}`argocd/` and `flux/` hold the same releases: use one of them. Values are `values.yaml`; Flux reads them from
`resources/values-configmap.yaml`. A line without a file is what no controller can do: hybridspan does it and proves it.
**Sync no wave before the lines above it are done**: `hybridspan apply {topology} --until STEP` goes that far, and finds
as done what the controller has installed: of Flux by its Helm releases, of Argo CD, which makes none, by its mark on the
chart's resource (annotation `argocd.argoproj.io/tracking-id`, or label `app.kubernetes.io/instance`).

**Flux** would install release after release by itself, and the runtime over an empty data center. So each HelmRelease that
was not deployed when this was written is suspended (`suspend: true`): resume it in its wave, by the line's command, and
commit its file without `suspend: true` at once, because a Kustomization puts back at its next interval what the repository
says. What is deployed has had its wave and is not suspended, so an export that is written anew stops nothing.
`resources/{resource}.yaml` must not be in what Flux applies before its wave. **Argo CD** syncs nothing by itself: the
applications have no `automated` policy, and each waits for its `argocd app sync {region}-NAME`. What Argo CD has installed
hybridspan does not change: Helm would refuse it (HS-APIGEE-032), so sync the seed's removal before `apply` comes to it.

Nothing secret is here. `apigee-ca` and the secrets that the values name come from the first region, from cluster to cluster
(`--until secrets/{region}`). Files that values name by path (`…Path`) lie in no registry's chart: name secrets instead
(`serviceAccountRef`, `sslSecret`).

| wave | what | file | step of hybridspan | Flux |
|---|---|---|---|---|
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
once more: `flux reconcile helmrelease {datastore} -n {namespace} --context {context}`, which Flux refuses
while its HelmRelease is suspended. This no longer shows it:

```bash
kubectl --context {context} -n {namespace} get apigeeds default -o yaml
```
"""


def order(plan: Plan, topology: Topology, given: RegionInput, waves: Mapping[str, int]) -> str:
    region = given.region
    words = {
        "refused": _refusal(plan),
        "region": region.name,
        "datacenter": region.datacenter,
        "topology": topology.path.name,
        "namespace": region.namespace,
        "context": context_of(region),
        "definitions": definitions_applied(topology, region).text(),
        "resource": RESOURCE,
        "datastore": next(r.name for r in given.releases if key_of(r) == "datastore"),
    }
    rows = _rows(plan, given, waves)
    return _HEAD.format(**words) + "".join(f"{row}\n" for row in rows) + _TAIL.format(**words)


def _refusal(plan: Plan) -> str:
    """What stands in the way, before anything else that is read."""
    reasons = "".join(f"- {' '.join(why.split())}\n" for why in plan.refusals)
    return f"{REFUSED}\n\n{reasons}\n" if reasons else ""


def _rows(plan: Plan, given: RegionInput, waves: Mapping[str, int]) -> Iterator[str]:
    installed = {step_of(key_of(r), given.region): r for r in given.releases}
    for step in plan.steps:
        if step.id in installed:
            wanted = installed[step.id]
            wave = waves[key_of(wanted)]
            flux = (
                "deployed, not suspended"
                if wanted.name in given.deployed
                else f"`{_resumed(wanted.name, given.region)}`"
            )
            yield f"| {wave} | {step.title} | `{wave:02d}-{wanted.name}.yaml` | `{step.id}` | {flux} |"
        elif step.id == f"replication/{given.region.name}":
            yield f"| {waves['replication']} | {step.title} | `resources/{RESOURCE}.yaml` | `{step.id}` | now, not before |"
        elif step.id == f"seed-out/{given.region.name}":
            yield f"| {waves['datastore']} again | {step.title} | `values.yaml` without the seed | `{step.id}` | see below |"
        elif step.phase in _BY_HYBRIDSPAN and (
            step.region == given.region.name or given.region.name in _regions_of(step)
        ):
            yield f"| | {step.title} | | `{step.id}` | |"


def _regions_of(step: PlannedStep) -> tuple[str, ...]:
    """The regions that a step's id names after its phase: one, or the two of a pair. `eastus` is none of `peering/westus+eastus2`."""
    return tuple(name for part in step.id.split("/")[1:] for name in part.split("+"))


def _resumed(name: str, region: Region) -> str:
    return f"flux resume helmrelease {name} -n {region.namespace} --context {context_of(region)}"
