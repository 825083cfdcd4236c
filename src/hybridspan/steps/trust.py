"""Brings to a new cluster what it must hold before anything of Apigee starts in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from hybridspan.apigee.observe import apigee_facts
from hybridspan.apigee.overrides import overrides_facts
from hybridspan.errors import PermanentFailure
from hybridspan.kubernetes.objects import authority_issued_nodes, nodes_certificate
from hybridspan.kubernetes.portable import is_cert_managers, part_name, stripped
from hybridspan.plan.model import Decision, PlannedStep, needed
from hybridspan.plan.phases import shared_secrets, trust
from hybridspan.progress import Progress
from hybridspan.steps.region_step import RegionStep

if TYPE_CHECKING:
    from hybridspan.facts.apigee import ApigeeFacts
    from hybridspan.facts.kubernetes import ClusterObjects
    from hybridspan.facts.overrides import OverridesFacts
    from hybridspan.kubernetes.cluster import KubernetesCluster
    from hybridspan.observation.estate import Estate

_CLUSTER_WIDE: Final = (
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
)
_INSIDE: Final = (
    ("v1", "ServiceAccount"),
    ("v1", "ConfigMap"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
)
_ELECTIONS: Final = (
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
)
_WEBHOOKS: Final = (
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
)


class TrustStep(RegionStep):
    """What the steps of this phase share: both clusters, and a check that is the proof."""

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        super().__init__(planned, estate)
        self.first = estate.topology.first

    async def _clusters(self) -> tuple[KubernetesCluster, KubernetesCluster]:
        return await self.estate.cluster(self.first), await self.estate.cluster(self.region)

    async def _seen(self) -> tuple[ClusterObjects, ClusterObjects, ApigeeFacts]:
        """What the first region's cluster and this one hold, and Apigee here."""
        source, target = await self._clusters()
        return await asyncio.gather(
            source.objects(self.first.namespace),
            target.objects(self.region.namespace),
            apigee_facts(target, self.region.namespace),
        )

    def _overrides(self) -> OverridesFacts:
        return overrides_facts(self.estate.topology, self.region)


class NamespaceStep(TrustStep):
    """The namespace, as the first region's author wrote it."""

    async def check(self) -> Decision:
        cluster = await self.estate.cluster(self.region)
        return trust.decide_namespace(self.region, await cluster.objects(self.region.namespace))

    async def act(self, progress: Progress) -> None:
        source, target = await self._clusters()
        await _copy_namespace(source, target, self.first.namespace, self.region.namespace)


class AuthorityStep(TrustStep):
    """`apigee-ca` from cluster to cluster, before anything can make another."""

    async def check(self) -> Decision:
        return trust.decide_authority(*await self._seen())

    async def act(self, progress: Progress) -> None:
        source, target = await self._clusters()
        found = await source.get("v1", "Secret", trust.AUTHORITY, trust.CERT_MANAGER)
        if found is None:
            raise PermanentFailure(
                "HS-APIGEE-011",
                "the first region has no apigee-ca",
                where=self.first.cluster.name,
                hint="restore it there: without it no node of another region can join",
            )
        await _copy_namespace(source, target, trust.CERT_MANAGER, trust.CERT_MANAGER)
        await target.apply(stripped(found), force=True)
        await self._forget_another_authoritys(target, found, progress)

    async def _forget_another_authoritys(
        self, target: KubernetesCluster, authority: dict[str, Any], progress: Progress
    ) -> None:
        """cert-manager never issues again what it finds, whoever signed it; no datastore uses it, or this were refused."""
        secrets = await target.list_("v1", "Secret", self.region.namespace)
        stale = nodes_certificate(secrets)
        if stale is not None and authority_issued_nodes(authority, secrets) is False:
            name = stale["metadata"]["name"]
            progress(f"secret {name} is of another authority: deleted, and issued anew", None, {})
            await target.delete("v1", "Secret", name, self.region.namespace)


class CertManagerStep(TrustStep):
    """cert-manager as the first region has it, object by object."""

    deadline_seconds = 300.0

    async def check(self) -> Decision:
        source, target = await self._clusters()
        first, own = await asyncio.gather(
            source.objects(self.first.namespace), target.objects(self.region.namespace)
        )
        return trust.decide_cert_manager(first, own)

    async def act(self, progress: Progress) -> None:
        source, target = await self._clusters()
        first, own = await asyncio.gather(
            source.objects(self.first.namespace), target.objects(self.region.namespace)
        )
        documents = await _cert_manager_of(source)
        if own.cert_manager_version is not None:
            # It is there, whole and only not available yet, which is waited for; or copying it was broken off.
            lacking = trust.missing_parts(first, own)
            documents = [document for document in documents if part_name(document) in lacking]
        for number, document in enumerate(documents):
            name = document["metadata"]["name"]
            progress(f"{document['kind']} {name}", number / len(documents), {})
            await target.apply(stripped(document), force=True)


async def _cert_manager_of(source: KubernetesCluster) -> list[dict[str, Any]]:
    """cert-manager's objects in the order in which a new cluster needs them."""
    groups: list[tuple[str, str, str | None]] = [(api, kind, None) for api, kind in _CLUSTER_WIDE]
    groups += [(api, kind, "kube-system") for api, kind in _ELECTIONS]
    groups += [(api, kind, trust.CERT_MANAGER) for api, kind in _INSIDE]
    groups += [(api, kind, None) for api, kind in _WEBHOOKS]
    found = await asyncio.gather(*(source.list_(api, kind, namespace) for api, kind, namespace in groups))
    return [document for documents in found for document in documents if is_cert_managers(document)]


class SecretsStep(TrustStep):
    """Credentials and certificates that all regions share."""

    async def check(self) -> Decision:
        first, own, apigee, charts = await self._all()
        return shared_secrets.decide_secrets(first, self._overrides(), own, apigee, charts)

    async def act(self, progress: Progress) -> None:
        source, target = await self._clusters()
        first, own, apigee, charts = await self._all()
        found = shared_secrets.sharing(first, self._overrides(), own, apigee, charts)
        for name in found.written:
            progress(f"secret {name}", None, {})
            document = await source.get("v1", "Secret", name, self.first.namespace)
            if document is not None:
                # By force only what is to be exchanged: what somebody has made meanwhile is theirs.
                await target.apply(stripped(document, self.region.namespace), force=name in found.exchanged)

    async def _all(self) -> tuple[ClusterObjects, ClusterObjects, ApigeeFacts, frozenset[str]]:
        """What is seen, and by which applications of Argo CD the first region has Apigee's charts."""
        source, _ = await self._clusters()
        seen, first = await asyncio.gather(self._seen(), apigee_facts(source, self.first.namespace))
        return *seen, shared_secrets.applications(first)


class StorageStep(TrustStep):
    """The storage class that the overrides name."""

    async def check(self) -> Decision:
        source, target = await self._clusters()
        first, own = await asyncio.gather(
            source.objects(self.first.namespace), target.objects(self.region.namespace)
        )
        return trust.decide_storage(self._overrides().storage_class, first, own)

    async def act(self, progress: Progress) -> None:
        source, target = await self._clusters()
        name = self._overrides().storage_class or ""
        found = await source.get("storage.k8s.io/v1", "StorageClass", name)
        if found is not None:
            await target.apply(stripped(found))

    async def verify(self, progress: Progress) -> Decision:
        decision = await self.check()
        return decision if decision.is_done else needed(decision.reason)


async def _copy_namespace(source: KubernetesCluster, target: KubernetesCluster, old: str, new: str) -> None:
    found = await source.get("v1", "Namespace", old) or {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {},
    }
    document = stripped(found)
    document["metadata"]["name"] = new
    (document["metadata"].get("labels") or {}).pop("kubernetes.io/metadata.name", None)
    await target.apply(document, force=True)


STEPS: Final[dict[str, type[TrustStep]]] = {
    "namespace": NamespaceStep,
    "authority": AuthorityStep,
    "cert-manager": CertManagerStep,
    "secrets": SecretsStep,
    "storage": StorageStep,
}
