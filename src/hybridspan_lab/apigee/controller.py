"""apigee-controller-manager: watches Apigee's resources and what it made of them, and serves the webhook."""

from __future__ import annotations

import asyncio
import base64
import ssl
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from hybridspan_lab.apigee import admission, datastore, names, organization
from hybridspan_lab.apigee.crds import (
    CERTIFICATE,
    DATASTORE,
    ENVIRONMENT,
    ORGANIZATION,
    REDIS,
    ROUTE_CONFIG,
    TELEMETRY,
    Kind,
)
from hybridspan_lab.apigee.installation import WEBHOOK_PATH
from hybridspan_lab.apigee.watching import Cluster, Source, follow
from hybridspan_lab.kubeapi import ApiError, KubeApi

CERTIFICATES: Final = Path("/tmp/k8s-webhook-server/serving-certs")
WEBHOOK_PORT: Final = 9443
RETRY_SECONDS: Final = 1.0
GATHERING_SECONDS: Final = 0.1
"""Changes come in swarms; one pass answers all that came within this time."""
FIELD_MANAGER: Final = "apigee-controller-manager"
KINDS: Final = (DATASTORE, REDIS, TELEMETRY, ORGANIZATION, ENVIRONMENT, ROUTE_CONFIG)
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


async def run(api: KubeApi) -> None:
    """Follows everything and makes one pass over all resources after each swarm of changes; until cancelled."""
    cluster = Cluster(api, FIELD_MANAGER)
    async with asyncio.TaskGroup() as tasks:
        lists = [asyncio.Event() for _ in SOURCES]
        for source, synced in zip(SOURCES, lists, strict=True):
            tasks.create_task(follow(cluster, api, source, synced))
        tasks.create_task(_work(cluster, lists))


async def _work(cluster: Cluster, lists: list[asyncio.Event]) -> None:
    for synced in lists:
        await synced.wait()
    while True:
        await cluster.changed.wait()
        await asyncio.sleep(GATHERING_SECONDS)
        cluster.changed.clear()
        if not await settle(cluster):
            await asyncio.sleep(RETRY_SECONDS)
            cluster.changed.set()


async def settle(cluster: Cluster) -> bool:
    """One pass; False where one resource could not be dealt with."""
    done = True
    for kind in KINDS:
        for document in cluster.all(kind.plural):
            done &= await _one(cluster, kind, document)
    return done


async def _one(cluster: Cluster, kind: Kind, document: dict[str, Any]) -> bool:
    try:
        if kind is DATASTORE:
            await datastore.reconcile(cluster, document)
        else:
            await organization.reconcile(cluster, kind, document)
    except ApiError as error:
        print(f"ERROR controller {kind.kind}: {error}", flush=True)
        return False
    return True


async def serve_webhook(folder: Path, port: int) -> web.AppRunner:
    """Answers AdmissionReviews over TLS with the pair in `folder`."""
    application = web.Application()
    application.router.add_post(WEBHOOK_PATH, _answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    await web.TCPSite(runner, "0.0.0.0", port, ssl_context=tls).start()
    return runner


async def _answer(request: web.Request) -> web.Response:
    return web.json_response(admission.review(await request.json()))


async def trust_webhook(api: KubeApi, folder: Path) -> None:
    """Tells the API server which CA the webhook's certificate is from."""
    bundle = base64.b64encode((folder / "ca.crt").read_bytes()).decode()
    name = f"apigee-validating-webhook-configuration-{names.DATASTORE}"
    patch = [{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": bundle}]
    admission_api = "/apis/admissionregistration.k8s.io/v1"
    await api.patch(admission_api, "validatingwebhookconfigurations", name, patch, kind="json")


async def main() -> None:
    """The pod's program."""
    async with KubeApi.in_cluster() as api:
        runner = await serve_webhook(CERTIFICATES, WEBHOOK_PORT)
        try:
            await _until_accepted(api)
            await run(api)
        finally:
            await runner.cleanup()


async def _until_accepted(api: KubeApi) -> None:
    """The webhook's object is applied after the deployment: it may not be there yet."""
    while True:
        try:
            await trust_webhook(api, CERTIFICATES)
        except ApiError as error:
            print(f"waiting for the webhook configuration: {error}", flush=True)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


if __name__ == "__main__":
    asyncio.run(main())
