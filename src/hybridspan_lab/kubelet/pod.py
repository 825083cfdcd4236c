"""The life of one pod on this machine, from its being scheduled to its last trace being removed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from typing import Final

from hybridspan_lab.kubeapi import ApiError, Document
from hybridspan_lab.kubelet import supervision
from hybridspan_lab.kubelet.config import NodeConfig
from hybridspan_lab.kubelet.container import Container, timestamp
from hybridspan_lab.kubelet.environment import ReferenceMissing
from hybridspan_lab.kubelet.ephemeral import Ephemerals
from hybridspan_lab.kubelet.events import PodEvents
from hybridspan_lab.kubelet.host import Host
from hybridspan_lab.kubelet.podnetwork import PodNetwork
from hybridspan_lab.kubelet.podvolumes import PodVolumes
from hybridspan_lab.kubelet.publishing import StatusPublisher
from hybridspan_lab.kubelet.startup import termination_grace
from hybridspan_lab.kubelet.status import is_sidecar, pod_status
from hybridspan_lab.kubelet.supervision import Scene

LOG: Final = logging.getLogger(__name__)
SIDECAR_GRACE: Final = 2.0


class Pod:
    """One pod. `start` begins its life, `update` hands it news from the API, `end` is awaited when it must go."""

    def __init__(self, document: Document, host: Host) -> None:
        self.host = host
        self.uid = str(document["metadata"]["uid"])
        self.directory = host.config.pods_dir / self.uid
        self.volumes = PodVolumes(document, self.directory / "volumes", host)
        self.scene = Scene(document, host, self.volumes, PodEvents(host.api, document))
        self._publisher = StatusPublisher(host.api, document["metadata"], self.status)
        spec = document["spec"]
        self.inits = [self._container(c) for c in spec.get("initContainers") or []]
        self.mains = [self._container(c) for c in spec["containers"]]
        self.ephemerals = Ephemerals(self.scene, self.directory / "logs", self.touch)
        self.started = timestamp()
        self.is_gone = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._publishing: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._address = ""
        self._is_over = False

    @property
    def document(self) -> Document:
        """The API's newest version of the pod."""
        return self.scene.document

    @property
    def network(self) -> PodNetwork | None:
        return self.scene.network

    @property
    def name(self) -> str:
        return self.scene.name

    @property
    def _node(self) -> NodeConfig:
        return self.host.node(self.document["spec"]["nodeName"])

    @property
    def containers(self) -> list[Container]:
        return [*self.inits, *self.mains]

    def container(self, name: str) -> Container | None:
        return next((c for c in (*self.containers, *self.ephemerals.containers) if c.name == name), None)

    def adopt(self) -> None:
        """Takes over what an earlier kubelet process left: its address and its count of restarts."""
        status = self.document.get("status") or {}
        address = str(status.get("podIP") or "")
        own = address and not self.document["spec"].get("hostNetwork")
        if own and self.host.attachments.hold(self._node, address):
            self._address = address
        for told in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
            container = self.container(told["name"])
            if container is None or not told.get("containerID"):
                continue
            if self.scene.policy == "Never":
                container.state = (
                    told["state"] if "terminated" in told["state"] else {"terminated": lost(told)}
                )
                self._is_over = container in self.mains or self._is_over
            else:
                container.restarts = int(told.get("restartCount") or 0) + 1
                container.last_state = {"terminated": lost(told)}

    def start(self) -> None:
        self._publishing = asyncio.create_task(self._publisher.run())
        self.touch()
        if self._is_over:
            return
        self._life = asyncio.create_task(self._live())
        self._life.add_done_callback(self._lived)

    def update(self, document: Document) -> None:
        """The API's newest version of the pod; a deletion begins the end."""
        self.scene.document = self.volumes.pod = document
        if document["metadata"].get("deletionTimestamp"):
            self.end(termination_grace(document))
        else:
            self.ephemerals.follow()

    def end(self, grace: float, *, is_deleted: bool = False) -> asyncio.Task[None]:
        """Stops everything and removes the pod from the API, unless that has been done (`is_deleted`)."""
        if self._ending is None:
            self.scene.is_ending = True
            self._ending = asyncio.create_task(self._end(grace, is_deleted=is_deleted))
        for container in self.containers:
            container.hasten(grace)
        return self._ending

    def touch(self) -> None:
        """Marks the status as changed."""
        self._publisher.touch()

    def _lived(self, life: asyncio.Task[None]) -> None:
        if not life.cancelled() and (failure := life.exception()) is not None:
            LOG.error("pod %s", self.name, exc_info=failure)

    async def _live(self) -> None:
        try:
            await self._attach()
            await self._until_prepared()
            self.ephemerals.follow()
            async with asyncio.TaskGroup() as sidecars:
                if await self._initialize(sidecars):
                    await asyncio.gather(
                        *(self._keep(container, self.scene.policy) for container in self.mains)
                    )
                self._is_over = True
                await asyncio.gather(*(c.stop(SIDECAR_GRACE) for c in self.inits), self.ephemerals.end())
            if not self.scene.is_ending:
                await self._detach()
        except OSError:
            LOG.exception("pod %s", self.name)
            for container in self.mains:
                container.wait_for("CreateContainerError", "the pod's network or folders could not be made")

    async def _attach(self) -> None:
        networks = self.host.attachments
        if self.document["spec"].get("hostNetwork"):
            self.scene.network = await networks.attach_to_node(self._node)
        else:
            self._address = self._address or networks.take(self._node)
            self.scene.network = await networks.attach(self.uid, self._node, self._address)
        self.touch()

    async def _detach(self) -> None:
        """Gives network and address back; a pod that has run to its end keeps only its status and its logs."""
        if self.document["spec"].get("hostNetwork"):
            return
        if self.network is not None:
            self.network.close()
        address, self._address = self._address, ""
        await self.host.attachments.detach(self.uid, self._node, address)

    async def _until_prepared(self) -> None:
        while True:
            try:
                await self.volumes.prepare()
            except ReferenceMissing as missing:
                self._hold("ContainerCreating", str(missing))
                self.scene.events.say("Warning", "FailedMount", f"MountVolume.SetUp failed: {missing}")
                await self.scene.news()
            except ApiError as error:
                self._hold("ContainerCreating", error.message)
                await asyncio.sleep(1)
            else:
                return

    def _hold(self, reason: str, message: str) -> None:
        for container in self.mains:
            container.wait_for(reason, message)

    async def _initialize(self, sidecars: asyncio.TaskGroup) -> bool:
        """Runs the init containers one after the other; False when one has failed for good."""
        policy = "Never" if self.scene.policy == "Never" else "OnFailure"
        for container in self.inits:
            if is_sidecar(container):
                sidecars.create_task(self._keep_sidecar(container))
                await container.started.wait()
            else:
                await self._keep(container, policy)
                if (container.terminated or {}).get("exitCode"):
                    return False
        return True

    async def _keep(self, container: Container, policy: str) -> None:
        await supervision.keep_running(container, self.scene, policy, self.touch)

    async def _keep_sidecar(self, container: Container) -> None:
        """A sidecar runs as long as the pod's main containers do."""
        while not self._is_over:
            await self._keep(container, "Never")
            if not self._is_over:
                container.restarts += 1
                await asyncio.sleep(container.next_pause())

    async def _end(self, grace: float, *, is_deleted: bool) -> None:
        LOG.info("pod %s ends, grace %.0f s", self.name, grace)
        if not is_deleted:
            for container in filter(lambda c: c.is_running, self.containers):
                words = f"Stopping container {container.name}"
                self.scene.events.say("Normal", "Killing", words, container.name)
        stopping = [asyncio.create_task(supervision.stop(c, grace)) for c in self.mains]
        if stopping:
            await asyncio.wait(stopping)
        await asyncio.gather(*(c.stop(1.0) for c in self.inits), self.ephemerals.end())
        await supervision.cancelled(self._life)
        await self._detach()
        if not is_deleted:
            await self._say_goodbye()
        await supervision.cancelled(self._publishing)
        await asyncio.to_thread(shutil.rmtree, self.directory, ignore_errors=True)
        self.is_gone.set()

    async def _say_goodbye(self) -> None:
        metadata = self.document["metadata"]
        with contextlib.suppress(ApiError):
            await self._publisher.publish()
        with contextlib.suppress(ApiError):
            await self.host.api.delete(
                "/api/v1", "pods", metadata["name"], metadata["namespace"], grace_seconds=0, uid=self.uid
            )

    def status(self) -> Document:
        return pod_status(
            self.document,
            self.inits,
            self.mains,
            self.ephemerals.containers,
            address=self.network.address if self.network else "",
            node_address=self._node.address,
            started=self.started,
        )

    def _container(self, spec: Document) -> Container:
        return Container(spec, self.directory / "logs" / spec["name"], self.touch)


def lost(told: Document) -> Document:
    """How a container ended that went with its kubelet."""
    running = (told.get("state") or {}).get("running") or {}
    now = timestamp()
    return {
        "exitCode": 137,
        "reason": "Error",
        "startedAt": running.get("startedAt", now),
        "finishedAt": now,
        "containerID": told.get("containerID", ""),
    }
