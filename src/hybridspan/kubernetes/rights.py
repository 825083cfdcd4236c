"""Which rights a run needs in a cluster, and which of them are missing: asked of its API server before anything is changed.

Reading has shown itself to work by then. What is asked for is what a run would meet half-way: commands in pods, ways to their
ports, and what an installer writes. Source of the two verbs: a WebSocket begins with GET, so API servers ask for `get`, and from
Kubernetes 1.35 on for `create` too (kubernetes/kubernetes#134577); roles that were written for older kubectl have only `create`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from hybridspan.errors import HybridspanError
from hybridspan.facts.world import Finding, RegionFacts, Severity
from hybridspan.topology.model import Region, Topology

CHECK: Final = "cluster-rights"
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Asked(Protocol):
    """The way to an API server."""

    async def request(self, method: str, path: str, *, body: Any, where: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Right:
    """A verb on a resource (with its subresource after a slash); of all namespaces where `is_wide`."""

    verb: str
    resource: str
    group: str = ""
    is_wide: bool = False

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")

    def review(self, namespace: str) -> dict[str, Any]:
        """The document that asks for it; `namespace` is Apigee's."""
        resource, _, subresource = self.resource.partition("/")
        asked = {"verb": self.verb, "group": self.group, "resource": resource, "subresource": subresource}
        if not self.is_wide:
            asked["namespace"] = namespace
        kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        return kind | {"spec": {"resourceAttributes": {key: value for key, value in asked.items() if value}}}


IN_PODS: Final = (
    Right("get", "pods/exec"),
    Right("create", "pods/exec"),
    Right("get", "pods/portforward"),
    Right("create", "pods/portforward"),
    Right("get", "pods/log"),
)
"""Looking into Cassandra's nodes, and everything that is done in them."""

_RBAC: Final = "rbac.authorization.k8s.io"
INSTALLING: Final = (
    Right("patch", "namespaces", is_wide=True),
    Right("patch", "secrets", is_wide=True),
    Right("patch", "customresourcedefinitions", "apiextensions.k8s.io", is_wide=True),
    Right("patch", "clusterroles", _RBAC, is_wide=True),
    Right("patch", "clusterrolebindings", _RBAC, is_wide=True),
    Right("list", "apigeedatastores", "apigee.cloud.google.com", is_wide=True),
    Right("patch", "statefulsets", "apps"),
    Right("patch", "deployments", "apps"),
    Right("create", "jobs", "batch"),
)
"""What cert-manager, the authority and hybrid itself take; also to see whether another namespace's installation needs them as they are."""


async def missing(server: Asked, namespace: str, rights: Sequence[Right]) -> tuple[Right, ...]:
    """Those of the rights that the API server says one does not have; its failures where it cannot be asked."""

    async def allowed(right: Right) -> bool:
        answer = await server.request(
            "POST", _REVIEWS, body=right.review(namespace), where="one's own rights"
        )
        return bool(((answer or {}).get("status") or {}).get("allowed"))

    answers = await asyncio.gather(*map(allowed, rights))
    return tuple(right for right, is_allowed in zip(rights, answers, strict=True) if not is_allowed)


Reviews = Mapping[str, tuple[Right, ...] | HybridspanError]
"""By region: the rights that are missing, or why the API server could not be asked."""


def findings(topology: Topology, facts: Mapping[str, RegionFacts], reviews: Reviews) -> Iterator[Finding]:
    """What the missing rights mean in each region that was asked. Pure."""
    for region in topology.regions:
        if (review := reviews.get(region.name)) is None:
            continue
        where = f"{region.name}, cluster {region.cluster.name}"
        if isinstance(review, HybridspanError):
            hint = f"kubectl --context {region.context} auth can-i --list -n {region.namespace} shows them"
            words = f"what the sign-in may do there is not known: {review.message}"
            yield Finding(CHECK, "warn", where, words, hint)
        elif not review:
            yield Finding(CHECK, "pass", where, "the sign-in may do there what a run does")
        else:
            yield from _of(topology, region, where, facts[region.name], review)


def _of(
    topology: Topology, region: Region, where: str, facts: RegionFacts, lacking: tuple[Right, ...]
) -> Iterator[Finding]:
    in_pods = [right for right in lacking if right in IN_PODS]
    if in_pods:
        hint = (
            f"give the role both get and create of pods/exec and pods/portforward in namespace {region.namespace}, and get of"
            " pods/log; then plan again"
        )
        yield Finding(CHECK, "refuse", where, f"the sign-in may not {_listed(in_pods)}", hint)
    installing = [right for right in lacking if right in INSTALLING]
    if installing:
        # Where hybrid is installed already, a run may have nothing more to write.
        is_there = facts.apigee is not None and facts.apigee.datastore is not None
        severity: Severity = "warn" if region == topology.first or is_there else "refuse"
        hint = (
            "an installation takes the rights of cluster-admin; where Azure RBAC is used for Kubernetes, the role"
            " Azure Kubernetes Service RBAC Cluster Admin"
        )
        yield Finding(CHECK, severity, where, f"the sign-in may not {_listed(installing)}", hint)


def _listed(rights: Sequence[Right]) -> str:
    return ", ".join(map(str, rights))
