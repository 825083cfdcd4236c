"""The kubelet of all nodes of one cluster: brings together pods, nodes, volumes, names and the server."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from hybridspan_lab.controlplane.authority import Authority
from hybridspan_lab.kubeapi import ApiError, Document, KubeApi, WatchEvent
from hybridspan_lab.kubelet import dns, egress, metrics, node, provisioner
from hybridspan_lab.kubelet.attachments import Attachments
from hybridspan_lab.kubelet.config import KubeletConfig, NodeConfig
from hybridspan_lab.kubelet.host import Host
from hybridspan_lab.kubelet.loopback import LoopbackAttachments, loopback_datagrams
from hybridspan_lab.kubelet.netsockets import connect
from hybridspan_lab.kubelet.objects import ObjectCache
from hybridspan_lab.kubelet.pod import Pod
from hybridspan_lab.kubelet.podnetwork import ClusterServices
from hybridspan_lab.kubelet.services import LoopbackDirectory, ServiceDirectory
from hybridspan_lab.kubelet.usage import Meter
from hybridspan_lab.network.plane import NetworkPlane

LOG: Final = logging.getLogger(__name__)
KUBELET_PORT: Final = 10250
RENEWAL_SECONDS: Final = 60.0
FINISHED: Final = ("Succeeded", "Failed")


class Kubelet:
    """Runs until cancelled."""

    def __init__(self, config: KubeletConfig, api: KubeApi) -> None:
        self.config = config
        self.api = api
        self.pods: dict[str, Pod] = {}
        core, discovery = "/api/v1", "/apis/discovery.k8s.io/v1"
        self._pod_objects = ObjectCache(api, core, "pods")
        self._services = ObjectCache(api, core, "services")
        self._slices = ObjectCache(api, discovery, "endpointslices")
        self._secrets = ObjectCache(api, core, "secrets")
        self._config_maps = ObjectCache(api, core, "configmaps")
        self._claims = ObjectCache(api, core, "persistentvolumeclaims")
        self._volumes = ObjectCache(api, core, "persistentvolumes")
        is_plain = config.network == "loopback"
        self.directory = (
            LoopbackDirectory(self._services, self._pod_objects)
            if is_plain
            else ServiceDirectory(self._services, self._slices)
        )
        api_port = urlsplit(api.access.server).port or 443
        names = self._name_server = loopback_datagrams() if is_plain else None
        services = ClusterServices(
            config.services, api_port, self.directory, names.getsockname()[1] if names else 0
        )
        self.host = Host(
            config,
            api,
            LoopbackAttachments(config, services)
            if is_plain
            else Attachments(config, NetworkPlane(config.ns_dir), services),
            services,
            self._secrets,
            self._config_maps,
            self._claims,
        )
        self._tls = server_tls()
        self._leases: dict[str, asyncio.Task[None]] = {}
        self._port = config.port
        self._background: set[asyncio.Future[None]] = set()
        self._reloading = asyncio.Lock()

    async def run(self) -> None:
        """Starts everything and runs until cancelled or until a part fails."""
        from hybridspan_lab.kubelet.server import start_server

        disks = provisioner.Provisioner(self.api, self._claims, self._volumes, self.config)
        supporting = (
            self._services, self._slices, self._secrets, self._config_maps, self._claims, self._volumes,
        )  # fmt: skip
        self._pod_objects.listeners.append(self._pod_changed)
        for cache in (self._secrets, self._config_maps):
            cache.listeners.append(self._source_changed)
        self._services.listeners.append(self._service_changed)
        await asyncio.to_thread(certify, self._tls, self.config)
        if self._name_server is not None:
            await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: dns.DatagramServer(self.directory.addresses), sock=self._name_server
            )
        async with asyncio.TaskGroup() as tasks:
            measures = metrics.Metrics(self.api, Meter(self.pods))
            runner, self._port = await start_server(self, measures, self._tls, self.config.port)
            proxy = await egress.serve(self.config.egress_socket, self.reach)
            try:
                for cache in supporting:
                    tasks.create_task(cache.run())
                await provisioner.install(self.api)
                await asyncio.gather(*(cache.synced.wait() for cache in supporting))
                for one in self.config.nodes:
                    await self._add_node(one)
                tasks.create_task(disks.run())
                tasks.create_task(self._pod_objects.run())
                tasks.create_task(self._renew_tokens())
                self._register_metrics()
                LOG.info("kubelet of %s ready on port %s", self.config.cluster, self._port)
                await asyncio.Event().wait()
            finally:
                for lease in self._leases.values():
                    lease.cancel()
                proxy.close()
                await runner.cleanup()
                await asyncio.to_thread(self.host.attachments.close)

    async def reload(self, config: KubeletConfig) -> None:
        """Takes in a configuration with other nodes; pods of nodes that stay are left alone."""
        async with self._reloading:
            await asyncio.to_thread(certify, self._tls, config)
            self.config = config
            wanted = {one.name: one for one in config.nodes}
            for name in self._leases.keys() - wanted.keys():
                self._leases.pop(name).cancel()
                await self.host.attachments.remove(self.host.nodes[name])
            for name in wanted.keys() - self._leases.keys():
                self.host.attachments.add(wanted[name])
                await self._add_node(wanted[name])
            self._register_metrics()

    def _register_metrics(self) -> None:
        # Endpoints may not be on loopback: the fall-back has no `kubectl top`.
        if self.config.network == "namespaces":
            authority = (self.config.pki / "ca.crt").read_bytes()
            self._spawn(metrics.install(self.api, self.config.nodes, KUBELET_PORT, authority))

    async def _add_node(self, one: NodeConfig) -> None:
        self.host.nodes[one.name] = one
        await node.renew(self.api, one.name)
        await node.register(self.api, one, self.config, KUBELET_PORT)
        self._leases[one.name] = asyncio.create_task(node.keep_lease(self.api, one))

    def find_pod(self, namespace: str, name: str) -> Pod | None:
        # The newest: one that was deleted can still be clearing away when the next of its name has ended.
        return next((pod for pod in reversed(self.pods.values()) if pod.name == f"{namespace}/{name}"), None)

    async def reach(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection for the API server to a node, a pod or a service; raises OSError."""
        if any(address == one.address for one in self.config.nodes):
            if port == KUBELET_PORT:
                return await connect(None, "127.0.0.1", self._port)
            return await connect(self._inside(address), address, port)
        target = self.directory.backend(address, port) or (address, port)
        return await connect(self._inside(target[0]), *target)

    def _inside(self, address: str) -> Path | None:
        """The namespace that has an address; there it is local, whatever the network's rules are."""
        for pod in self.pods.values():
            if pod.network is not None and pod.network.address == address:
                return pod.network.namespace
        raise OSError(f"no pod has the address {address}")

    def _pod_changed(self, event: WatchEvent) -> None:
        document = event.object
        uid = document["metadata"]["uid"]
        known = self.pods.get(uid)
        if event.kind == "DELETED":
            if known is not None:
                known.end(0, is_deleted=True)
        elif known is not None:
            known.update(document)
        elif document["spec"].get("nodeName") in self._leases:
            self._admit(document)

    def _admit(self, document: Document) -> None:
        if (document.get("status") or {}).get("phase") in FINISHED and not document["metadata"].get(
            "deletionTimestamp"
        ):
            return
        pod = self.pods[document["metadata"]["uid"]] = Pod(document, self.host)
        if document["metadata"].get("deletionTimestamp"):
            ending = pod.end(0)
        else:
            pod.adopt()
            pod.start()
            ending = None
        LOG.info("pod %s %s", pod.name, "leaves" if ending else "arrives")
        self._spawn(self._forget(pod))

    async def _forget(self, pod: Pod) -> None:
        await pod.is_gone.wait()
        self.pods.pop(pod.uid, None)

    def _source_changed(self, event: WatchEvent) -> None:
        metadata = event.object["metadata"]
        for pod in self._pods_of(metadata["namespace"]):
            if mentions(pod.document, metadata["name"]):
                self._spawn(refresh(pod))

    def _service_changed(self, event: WatchEvent) -> None:
        for pod in self.pods.values():
            if pod.network is not None:
                self._spawn(pod.network.follow_services())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _pods_of(self, namespace: str) -> Iterator[Pod]:
        return (p for p in tuple(self.pods.values()) if p.document["metadata"]["namespace"] == namespace)

    async def _renew_tokens(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL_SECONDS)
            for pod in tuple(self.pods.values()):
                await refresh(pod)


async def refresh(pod: Pod) -> None:
    """Brings a running pod's files up to date; what is missing now stays as it was."""
    from hybridspan_lab.kubelet.environment import ReferenceMissing

    if pod.network is None or not any(container.is_running for container in pod.containers):
        return
    try:
        await pod.volumes.prepare()
    except (ReferenceMissing, ApiError, OSError) as error:
        LOG.info("volumes of pod %s: %s", pod.name, error)


def mentions(pod: Document, name: str) -> bool:
    """Whether some volume of a pod is made from an object of that name."""
    for volume in pod["spec"].get("volumes") or []:
        sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
        for source in sources:
            secret, config_map = source.get("secret") or {}, source.get("configMap") or {}
            if name in (secret.get("secretName"), secret.get("name"), config_map.get("name")):
                return True
    return False


def server_tls() -> ssl.SSLContext:
    """Only clients with a certificate are let in; which ones, `certify` says."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.verify_mode = ssl.CERT_REQUIRED
    return tls


def certify(tls: ssl.SSLContext, config: KubeletConfig) -> None:
    """A certificate for the nodes' addresses and for what they answer as a service, and the cluster's CA for clients."""
    authority = Authority.open(config.pki)
    hosts = ["127.0.0.1", "localhost", metrics.SERVER_NAME]
    hosts += [part for n in config.nodes for part in (n.name, n.address)]
    certificate, key = authority.issue("kubelet-server", f"lab-kubelet-{config.cluster}", hosts=hosts)
    tls.load_cert_chain(certificate, key)
    tls.load_verify_locations(config.pki / "ca.crt")
