"""Workload identity federation: each cluster is an identity provider of its own, which Google Cloud must know before pods need it.

Only where the first region's overrides switch it on. hybridspan has no access to Google Cloud: it says which issuer to register, with
the command, and stops before the organization while the overrides still name the first region's provider. A pool's bindings name
Kubernetes service accounts and no cluster, so they hold for a new cluster with the same namespace.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Final

from hybridspan.facts.azure import ClusterFacts
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import Installation, RegionFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, StepId, done, later, needed
from hybridspan.plan.phases.cluster_commands import place
from hybridspan.topology.model import Region, Topology

_PROVIDER: Final = re.compile(
    r"(?P<scheme>(?:https:)?//iam\.googleapis\.com/)projects/(?P<project>[^/]+)/locations/global"
    r"/workloadIdentityPools/(?P<pool>[^/]+)/providers/(?P<provider>[^/]+)"
)
_LONGEST: Final = 32
"""Characters of a provider's id."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A pool's provider, as an audience names it."""

    scheme: str
    project: str
    pool: str
    provider: str

    @property
    def audience(self) -> str:
        path = f"projects/{self.project}/locations/global/workloadIdentityPools/{self.pool}"
        return f"{self.scheme}{path}/providers/{self.provider}"


def provider_in(audience: str) -> Provider | None:
    """The provider that an audience names; None for a custom one."""
    found = _PROVIDER.fullmatch(audience)
    return Provider(**found.groupdict()) if found else None


def provider_for(region: Region, first: str) -> Provider:
    """A provider of the first region's pool for this cluster; what a custom audience does not tell stays to be filled in."""
    of_first = provider_in(first) or Provider("//iam.googleapis.com/", "PROJECT_NUMBER", "POOL", "")
    name = re.sub(r"[^a-z0-9-]", "-", region.cluster.name.lower())[:_LONGEST].rstrip("-")
    return Provider(of_first.scheme, of_first.project, of_first.pool, name)


def is_federated(first: Installation) -> bool:
    return first.overrides is not None and bool(first.overrides.federation)


def decide_identity(
    first: OverridesFacts | None, own: OverridesFacts | None, cluster: ClusterFacts | None
) -> Decision:
    """Whether the region's overrides name a provider of its own; with the issuer that must be registered."""
    if first is None or not first.federation:
        return done("workload identity federation is not used")
    if cluster is None:
        return later("the cluster, and with it its OIDC issuer, does not exist yet")
    if not cluster.oidc_issuer:
        return needed("the cluster has no OIDC issuer: nothing could be exchanged for its pods' tokens")
    issuer = f"this cluster's issuer is {cluster.oidc_issuer}"
    if own is None or not own.exists or own.federation in ("", first.federation):
        return needed(
            f"the overrides name the first region's identity provider, and its pods' tokens are refused here: {issuer}"
        )
    theirs = {audience for _, audience in first.credential_files}
    stale = [name for name, audience in own.credential_files if audience in theirs]
    if stale:
        return needed(f"credentials for the first region's identity provider: {', '.join(stale)}; {issuer}")
    return done(f"the overrides name an identity provider of their own, {own.federation}; {issuer}")


def registration(region: Region, first: str, cluster: ClusterFacts | None) -> tuple[Command, ...]:
    """The commands that make the provider, unless it is there, and write its audience into the overrides."""
    look = shlex.join(_gcloud("describe", provider_for(region, first)))
    return (
        *_enabled(region, cluster),
        Command(
            script=f"{look} >/dev/null 2>&1 ||\n  {_create(region, first, cluster)}",
            comment="by somebody who may administer the pool in Google Cloud",
        ),
        _written(region, first),
    )


def _gcloud(verb: str, own: Provider) -> tuple[str, ...]:
    pool = ("--project", own.project, "--location", "global", "--workload-identity-pool", own.pool)
    return ("gcloud", "iam", "workload-identity-pools", "providers", verb, own.provider, *pool)


def _create(region: Region, first: str, cluster: ClusterFacts | None) -> str:
    show = shlex.join(("az", "aks", "show", *place(region), "--name", region.cluster.name))
    issuer = (
        shlex.quote(cluster.oidc_issuer)
        if cluster is not None and cluster.oidc_issuer
        else f'"$({show} --query oidcIssuerProfile.issuerUrl --output tsv)"'
    )
    create = shlex.join(_gcloud("create-oidc", provider_for(region, first)))
    return f"{create} --issuer-uri {issuer} --attribute-mapping google.subject=assertion.sub"


def _written(region: Region, first: str) -> Command:
    return Command(("sed", "-i", f"s|{first}|{provider_for(region, first).audience}|", str(region.overrides)))


def _enabled(region: Region, cluster: ClusterFacts | None) -> tuple[Command, ...]:
    if cluster is None or cluster.oidc_issuer:
        return ()
    return (
        Command(
            ("az", "aks", "update", *place(region), "--name", region.cluster.name, "--enable-oidc-issuer")
        ),
    )


def how_to_register(topology: Topology, region: Region, first: str, cluster: ClusterFacts | None) -> str:
    """The same in words, for a finding or a failure."""
    enable = [command.text() for command in _enabled(region, cluster)]
    words = "; then ".join([*enable, _create(region, first, cluster), _written(region, first).text()])
    bound = (
        ""
        if region.namespace == topology.first.namespace
        else f"; bind the service accounts of namespace {region.namespace} too, the first region's are of {topology.first.namespace}"
    )
    return f"{words}{bound}; then run apply again"


def identity_step(region: Region, first: Installation, own: RegionFacts, before: str) -> PlannedStep:
    """The step before the organization, whose pods are the first that need Google Cloud."""
    audience = first.overrides.federation if first.overrides else ""
    return PlannedStep(
        id=StepId(f"identity/{region.name}"),
        phase="identity",
        region=region.name,
        title=f"Identity provider of {region.cluster.name} in Google Cloud",
        decision=decide_identity(first.overrides, own.overrides, own.azure.cluster),
        commands=registration(region, audience, own.azure.cluster),
        needs=(StepId(f"overrides/{region.name}"), StepId(f"{before}/{region.name}")),
        procedure_rows=(11,),
    )
