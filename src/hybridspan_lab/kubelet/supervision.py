"""Keeps a container running as its pod's policy says: starts, probes, restarts with growing pauses."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hybridspan_lab.kubeapi import Document
from hybridspan_lab.kubelet import probes
from hybridspan_lab.kubelet.container import Container, discard_logs
from hybridspan_lab.kubelet.environment import ReferenceMissing
from hybridspan_lab.kubelet.events import PodEvents
from hybridspan_lab.kubelet.host import Host
from hybridspan_lab.kubelet.podnetwork import PodNetwork
from hybridspan_lab.kubelet.podvolumes import PodVolumes
from hybridspan_lab.kubelet.startup import launch_of
from hybridspan_lab.kubelet.status import will_restart
from hybridspan_lab.sandbox.process import StartFailed, start

LOG: Final = logging.getLogger(__name__)
REFERENCE_PATIENCE: Final = 5.0
START_ERROR: Final = 128


@dataclass(slots=True)
class Scene:
    """What a pod's parts share: the API's newest version of it, its network once it has one, and its surroundings."""

    document: Document
    host: Host
    volumes: PodVolumes
    events: PodEvents
    network: PodNetwork | None = None
    is_ending: bool = False

    @property
    def name(self) -> str:
        return f"{self.document['metadata']['namespace']}/{self.document['metadata']['name']}"

    @property
    def policy(self) -> str:
        return str(self.document["spec"].get("restartPolicy", "Always"))

    async def news(self) -> None:
        """Returns after a change of what a pod may refer to, or after a few seconds."""
        caches = (self.host.secrets, self.host.config_maps, self.host.claims)
        waits = [asyncio.ensure_future(cache.change.wait()) for cache in caches]
        try:
            await asyncio.wait(waits, timeout=REFERENCE_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


async def keep_running(
    container: Container, scene: Scene, policy: str, on_change: Callable[[], None]
) -> None:
    """Starts a container again and again until its policy is content with how it ended."""
    while True:
        if await begin(container, scene):
            await run(container, scene, on_change)
        if scene.is_ending or not will_restart(policy, container):
            return
        pause = container.next_pause()
        metadata = scene.document["metadata"]
        pod = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        message = f"back-off {pause:.0f}s restarting failed container={container.name} pod={pod}"
        container.wait_for("CrashLoopBackOff", message)
        words = f"Back-off restarting failed container {container.name} in pod {pod}"
        scene.events.say("Warning", "BackOff", words, container.name)
        await asyncio.sleep(pause)
        container.restarts += 1
        discard_logs(container.logs, container.restarts - 1)


async def run(container: Container, scene: Scene, on_change: Callable[[], None]) -> None:
    """Watches over a started container until it ends."""
    if scene.network is None:
        return
    watching = asyncio.create_task(
        probes.watch_over(
            container,
            scene.network,
            on_change=on_change,
            on_failure=lambda words: scene.events.say("Warning", "Unhealthy", words, container.name),
            on_dead=lambda probe: end_unhealthy(container, scene, probe),
        )
    )
    try:
        await container.run_to_end()
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def begin(container: Container, scene: Scene) -> bool:
    """Starts the process; waits while the image or a reference is missing. False when it could not be started."""
    while scene.network is not None:
        program = scene.host.program(container.spec["image"])
        if program is None:
            await never_pulled(container, scene)
            return False
        try:
            launch = launch_of(
                scene.document, container.spec, scene.host, scene.network, scene.volumes, program
            )
            await container.begin(launch)
        except ReferenceMissing as missing:
            container.wait_for("CreateContainerConfigError", str(missing))
            scene.events.say("Warning", "Failed", f"Error: {missing}", container.name)
            await scene.news()
        except (StartFailed, OSError) as failure:
            container.end(START_ERROR, "StartError", str(failure))
            scene.events.say("Warning", "Failed", f"Error: {failure}", container.name)
            return False
        else:
            tell_of_start(container, scene)
            return True
    return False


def tell_of_start(container: Container, scene: Scene) -> None:
    """The three events of a container that starts; the lab has every image that it knows."""
    image, name = container.spec["image"], container.name
    scene.events.say("Normal", "Pulled", f'Container image "{image}" already present on machine', name)
    scene.events.say("Normal", "Created", f"Created container: {name}", name)
    scene.events.say("Normal", "Started", f"Started container {name}", name)


async def never_pulled(container: Container, scene: Scene) -> None:
    """Shows for ever that no registry has the image."""
    image = container.spec["image"]
    container.wait_for("ErrImagePull", f'failed to pull image "{image}": not found')
    scene.events.say("Warning", "Failed", f'Failed to pull image "{image}": not found', container.name)
    await asyncio.sleep(2)
    container.wait_for("ImagePullBackOff", f'Back-off pulling image "{image}"')
    await asyncio.Event().wait()


async def end_unhealthy(container: Container, scene: Scene, probe: str) -> None:
    LOG.info("pod %s container %s: %s probe failed", scene.name, container.name, probe)
    words = f"Container {container.name} failed {probe} probe, will be restarted"
    scene.events.say("Normal", "Killing", words, container.name)
    await container.stop(float(scene.document["spec"].get("terminationGracePeriodSeconds", 30)))


async def stop(container: Container, grace: float) -> None:
    """The container's preStop command, if it has one, then SIGTERM, then SIGKILL, all within `grace` seconds or so."""
    hook = ((container.spec.get("lifecycle") or {}).get("preStop") or {}).get("exec")
    if hook and container.process and container.launch and container.is_running:
        with contextlib.suppress(StartFailed, TimeoutError):
            launch, pid = container.launch, container.process.pid
            process = await start(launch.inside(pid), launch.words(hook["command"]), launch.env)
            async with asyncio.timeout(grace):
                await process.wait()
    await container.stop(max(grace, 0.1))


async def cancelled(*tasks: asyncio.Task[None] | None) -> None:
    """Cancels a pod's tasks and waits until they have ended, however they end."""
    chosen = [task for task in tasks if task is not None]
    for task in chosen:
        task.cancel()
    for task in chosen:
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task
