"""cert-manager's part, as a program in a pod: issuers and certificates become secrets.

As the real one: a Certificate whose secret is missing is issued; one that is there is left alone until two thirds of its
time are over, also when the issuer's CA has changed meanwhile; a deleted secret is issued anew. Unlike the real one it
keeps any readable pair that it finds in the secret, whoever put it there, and makes no CertificateRequest objects.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
from typing import Any, Final

from hybridspan_lab.apigee.issuing import Pair, issue
from hybridspan_lab.kubeapi import ApiError, Document, KubeApi

GROUP: Final = "/apis/cert-manager.io/v1"
CLUSTER_NAMESPACE: Final = "cert-manager"
"""Where a ClusterIssuer's CA secret is."""
FIELD_MANAGER: Final = "cert-manager-certificates-issuing"
OWNED_LABEL: Final = "controller.cert-manager.io/fao"
RETRY_SECONDS: Final = 1.0
RENEW_AT: Final = 2 / 3


class CertificateController:
    """Watches issuers, certificates and their secrets; one pass over everything at each change."""

    def __init__(self, api: KubeApi) -> None:
        self.api = api
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. A pass that had to leave something open is repeated after a second."""
        watched = [("issuers", ""), ("clusterissuers", ""), ("certificates", "")]
        async with asyncio.TaskGroup() as tasks:
            for resource, labels in watched:
                tasks.create_task(self._watch(GROUP, resource, labels))
            tasks.create_task(self._watch("/api/v1", "secrets", f"{OWNED_LABEL}=true"))
            tasks.create_task(self._work())

    async def _watch(self, api: str, resource: str, labels: str) -> None:
        async for _ in self.api.watch(api, resource, label_selector=labels):
            self._changed.set()

    async def _work(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                settled = await self.settle()
            except ApiError as error:
                print(f"E cert-manager: {error}", flush=True)
                settled = False
            if not settled:
                await asyncio.sleep(RETRY_SECONDS)
                self._changed.set()

    async def settle(self) -> bool:
        """One pass; False when something waits for something else."""
        settled = True
        for resource in ("clusterissuers", "issuers"):
            for issuer in await self.api.list(GROUP, resource):
                settled &= await self._settle_issuer(resource, issuer)
        for certificate in await self.api.list(GROUP, "certificates"):
            settled &= await self._settle_certificate(certificate)
        return settled

    async def _settle_issuer(self, resource: str, issuer: Document) -> bool:
        ready = "selfSigned" in issuer["spec"] or await self._authority(issuer) is not None
        name = (issuer["spec"].get("ca") or {}).get("secretName", "")
        reason = "KeyPairVerified" if ready else "ErrGetKeyPair"
        message = (
            "Signing CA verified"
            if ready
            else f'Error getting keypair for CA issuer: secret "{name}" not found'
        )
        await self._report(resource, issuer, ready, reason, message)
        return ready

    async def _settle_certificate(self, certificate: Document) -> bool:
        spec, metadata = certificate["spec"], certificate["metadata"]
        secret = await self.api.find("/api/v1", "secrets", spec["secretName"], metadata["namespace"])
        pair = Pair.from_secret(secret)
        now = dt.datetime.now(dt.UTC)
        if pair is None or is_due(pair, now):
            pair = await self._issue(certificate, now)
        if pair is None:
            message = "Issuing certificate as Secret does not exist"
            await self._report("certificates", certificate, False, "DoesNotExist", message)
            return False
        message = "Certificate is up to date and has not expired"
        extra = {"notAfter": pair.expires.strftime("%Y-%m-%dT%H:%M:%SZ"), "revision": 1}
        await self._report("certificates", certificate, True, "Ready", message, extra)
        return True

    async def _issue(self, certificate: Document, now: dt.datetime) -> Pair | None:
        """Issues and stores; None when the issuer is not there or not ready."""
        spec, metadata = certificate["spec"], certificate["metadata"]
        issuer = await self._issuer(spec["issuerRef"], metadata["namespace"])
        if issuer is None:
            return None
        authority = None if "selfSigned" in issuer["spec"] else await self._authority(issuer)
        if authority is None and "selfSigned" not in issuer["spec"]:
            return None
        pair = issue(spec, authority, now)
        document = secret_document(certificate, pair, authority or pair)
        await self.api.apply(
            "/api/v1", "secrets", document, metadata["namespace"], field_manager=FIELD_MANAGER
        )
        print(f"I issued {metadata['namespace']}/{spec['secretName']}", flush=True)
        return pair

    async def _issuer(self, reference: dict[str, Any], namespace: str) -> Document | None:
        if reference.get("kind") == "ClusterIssuer":
            return await self.api.find(GROUP, "clusterissuers", reference["name"])
        return await self.api.find(GROUP, "issuers", reference["name"], namespace)

    async def _authority(self, issuer: Document) -> Pair | None:
        name = (issuer["spec"].get("ca") or {}).get("secretName")
        namespace = issuer["metadata"].get("namespace", CLUSTER_NAMESPACE)
        secret = await self.api.find("/api/v1", "secrets", name, namespace) if name else None
        return Pair.from_secret(secret)

    async def _report(
        self,
        resource: str,
        document: Document,
        ready: bool,
        reason: str,
        message: str,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """Writes the Ready condition, where it differs from what is there."""
        condition = {"type": "Ready", "status": str(ready), "reason": reason, "message": message}
        old: Document = next(iter((document.get("status") or {}).get("conditions") or []), {})
        if all(old.get(name) == value for name, value in condition.items()):
            return
        stamp = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = {"conditions": [{**condition, "lastTransitionTime": stamp}], **(extra or {})}
        metadata = document["metadata"]
        await self.api.update_status(GROUP, resource, metadata["name"], status, metadata.get("namespace"))


def is_due(pair: Pair, now: dt.datetime) -> bool:
    """Whether two thirds of a certificate's time are over."""
    certificate = pair.certificate_object()
    whole = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return now > certificate.not_valid_before_utc + whole * RENEW_AT


def secret_document(certificate: Document, pair: Pair, authority: Pair) -> Document:
    """The TLS secret of a certificate, with the annotations by which others find it."""
    metadata, spec = certificate["metadata"], certificate["spec"]
    annotations = {
        "cert-manager.io/certificate-name": metadata["name"],
        "cert-manager.io/common-name": spec.get("commonName", ""),
        "cert-manager.io/issuer-name": spec["issuerRef"]["name"],
        "cert-manager.io/issuer-kind": spec["issuerRef"].get("kind", "Issuer"),
        "cert-manager.io/issuer-group": "cert-manager.io",
    }
    data = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": authority.certificate}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": spec["secretName"],
            "namespace": metadata["namespace"],
            "annotations": annotations,
            "labels": {OWNED_LABEL: "true"},
        },
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(content).decode() for name, content in data.items()},
    }


async def serve() -> None:
    """The pod's program."""
    async with KubeApi.in_cluster() as api:
        await CertificateController(api).run()


if __name__ == "__main__":
    asyncio.run(serve())
