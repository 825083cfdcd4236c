"""apigee-controller-manager: watches Apigee's resources and what it made of them, and serves the webhooks.

One program for both eras: apigeectl installs it for the whole cluster, the operator's chart for one namespace.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import sys
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from hybridspan_lab.apigee import admission, datastore, names, organization, replication, rotation
from hybridspan_lab.apigee.crds import (
    CERTIFICATE,
    DATASTORE,
    ENVIRONMENT,
    ORGANIZATION,
    REDIS,
    REPLICATION,
    ROTATION,
    ROUTE_CONFIG,
    TELEMETRY,
    Kind,
)
from hybridspan_lab.apigee.installation import WEBHOOK_CONFIGURATION, WEBHOOK_PATH
from hybridspan_lab.apigee.long_work import LongWork
from hybridspan_lab.apigee.ring import PodRing
from hybridspan_lab.apigee.watching import Cluster, Source, follow
from hybridspan_lab.kubeapi import ApiError, KubeApi
from hybridspan_lab.podroot import in_pod, own_address

CERTIFICATES: Final = "/tmp/k8s-webhook-server/serving-certs"
WEBHOOK_PORT: Final = 9443
RETRY_SECONDS: Final = 1.0
GATHERING_SECONDS: Final = 0.1
"""Changes come in swarms; one pass answers all that came within this time."""
FIELD_MANAGER: Final = "apigee-controller-manager"
BY_CHARTS: Final = "MUTATING_WEBHOOK_CONFIGURATION" in os.environ
"""Whether Apigee's charts started it: only they name its webhooks, and only their releases know SecretRotation."""
KINDS: Final = (
    DATASTORE,
    REDIS,
    TELEMETRY,
    ORGANIZATION,
    ENVIRONMENT,
    ROUTE_CONFIG,
    REPLICATION,
    *((ROTATION,) if BY_CHARTS else ()),
)
VALIDATING: Final = "/validate-apigee-cloud-google-com-v1alpha1-apigeedatastore"
MUTATING: Final = "/mutate-apigee-cloud-google-com-v1alpha1-apigeedatastore"
PLATFORM: Final = "apigee.cloud.google.com/platform=apigee"
SOURCES: Final = (
    *(Source(kind.api, kind.plural) for kind in KINDS),
    Source("/apis/apps/v1", "statefulsets", PLATFORM),
    Source("/apis/apps/v1", "deployments", PLATFORM),
    Source("/apis/batch/v1", "jobs", PLATFORM),
    Source("/api/v1", "services", PLATFORM),
    Source("/api/v1", "serviceaccounts", PLATFORM),
    Source(CERTIFICATE.api, CERTIFICATE.plural, PLATFORM),
    Source("/api/v1", "pods", f"app={names.CASSANDRA_CONTAINER}"),
)


async def run(api: KubeApi, namespace: str | None) -> None:
    """Follows everything and makes one pass over all resources after each swarm of changes; until cancelled."""
    cluster, work = Cluster(api, FIELD_MANAGER), LongWork(PodRing(api))
    async with asyncio.TaskGroup() as tasks:
        lists = [asyncio.Event() for _ in SOURCES]
        for source, synced in zip(SOURCES, lists, strict=True):
            tasks.create_task(follow(cluster, api, source, synced, namespace))
        tasks.create_task(_work(cluster, work, lists))


async def _work(cluster: Cluster, work: LongWork, lists: list[asyncio.Event]) -> None:
    for synced in lists:
        await synced.wait()
    while True:
        await cluster.changed.wait()
        await asyncio.sleep(GATHERING_SECONDS)
        cluster.changed.clear()
        if not await settle(cluster, work):
            await asyncio.sleep(RETRY_SECONDS)
            cluster.changed.set()


async def settle(cluster: Cluster, work: LongWork) -> bool:
    """One pass; False where one resource could not be dealt with."""
    done = True
    for kind in KINDS:
        for document in cluster.all(kind.plural):
            done &= await _one(cluster, work, kind, document)
    return done


async def _one(cluster: Cluster, work: LongWork, kind: Kind, document: dict[str, Any]) -> bool:
    try:
        if kind is DATASTORE:
            await datastore.reconcile(cluster, work, document)
        elif kind is REPLICATION:
            await replication.reconcile(cluster, work, document)
        elif kind is ROTATION:
            await rotation.reconcile(cluster, document)
        else:
            return await organization.reconcile(cluster, kind, document)
    except ApiError as error:
        print(f"ERROR controller {kind.kind}: {error}", flush=True)
        return False
    return True


async def serve_webhook(folder: Path, port: int) -> web.AppRunner:
    """Answers AdmissionReviews over TLS with the pair in `folder`."""
    application = web.Application()
    for path in (WEBHOOK_PATH, VALIDATING):
        application.router.add_post(path, _answer)
    application.router.add_post(MUTATING, _answer_unchanged)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    # Where all pods share the machine's network, each listens on its own address only.
    everywhere = "0.0.0.0"  # inside the pod's own network
    await web.TCPSite(runner, own_address() or everywhere, port, ssl_context=tls).start()
    return runner


async def _answer(request: web.Request) -> web.Response:
    return web.json_response(admission.review(await request.json()))


async def _answer_unchanged(request: web.Request) -> web.Response:
    return web.json_response(admission.unchanged(await request.json()))


async def trust_webhooks(api: KubeApi, folder: Path) -> None:
    """Tells the API server which CA the webhooks' certificate is from."""
    bundle = base64.b64encode((folder / "ca.crt").read_bytes()).decode()
    patch = [{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": bundle}]
    configurations = {
        "validatingwebhookconfigurations": os.environ.get("WEBHOOK_CONFIGURATION", WEBHOOK_CONFIGURATION),
        "mutatingwebhookconfigurations": os.environ.get("MUTATING_WEBHOOK_CONFIGURATION", ""),
    }
    admission_api = "/apis/admissionregistration.k8s.io/v1"
    for plural, name in configurations.items():
        if name:
            await api.patch(admission_api, plural, name, patch, kind="json")


async def main() -> int:
    """The pod's program; ends only where it cannot begin."""
    namespace = os.environ.get("WATCH_NAMESPACE") or None
    async with KubeApi.in_cluster() as api:
        if missing := await missing_kind(api, namespace):
            print(f'ERROR setup problem running manager {{"error": "{missing}"}}', flush=True)
            return 1
        # Whoever sees it ready may ask it: the API server has to trust it by then.
        await _until_accepted(api)
        runner = await serve_webhook(in_pod(CERTIFICATES), WEBHOOK_PORT)
        try:
            await run(api, namespace)
        finally:
            await runner.cleanup()
    return 0


async def missing_kind(api: KubeApi, namespace: str | None) -> str:
    """The first kind that the cluster has no definition of, in the words of the real one; empty where it has all."""
    for kind in KINDS:
        if not await _is_served(api, kind, namespace):
            return f'no matches for kind \\"{kind.kind}\\" in version \\"{kind.api_version}\\"'
    return ""


async def _is_served(api: KubeApi, kind: Kind, namespace: str | None) -> bool:
    while True:
        try:
            await api.list(kind.api, kind.plural, namespace)
        except ApiError as error:
            if error.is_missing:
                return False
            # A definition that has just come is served a moment later: "storage is (re)initializing".
            print(f"waiting for {kind.plural}: {error}", flush=True)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return True


async def _until_accepted(api: KubeApi) -> None:
    """The webhooks' objects are applied after the deployment: they may not be there yet."""
    while True:
        try:
            await trust_webhooks(api, in_pod(CERTIFICATES))
        except ApiError as error:
            print(f"waiting for the webhook configuration: {error}", flush=True)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
