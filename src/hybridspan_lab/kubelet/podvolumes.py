"""The folders behind one pod's volumes: prepared before its containers start, kept up to date while they run."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from hybridspan_lab.kubeapi import Document
from hybridspan_lab.kubelet.environment import Lookup, ReferenceMissing, expand
from hybridspan_lab.kubelet.host import Host
from hybridspan_lab.kubelet.volumes import publish, token_requests, volume_files
from hybridspan_lab.sandbox.root import Bind

RENEW_AT: Final = 0.8  # of a token's lifetime, as a real kubelet does it


class PodVolumes:
    """One pod's volumes under `directory`."""

    def __init__(self, pod: Document, directory: Path, host: Host) -> None:
        self.pod = pod
        self.directory = directory
        self._host = host
        self._tokens: dict[str, str] = {}
        self._renewal = float("inf")
        self._preparing = asyncio.Lock()

    @property
    def namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"])

    async def prepare(self) -> None:
        """Makes every volume; raises ReferenceMissing for what is not there yet, ApiError for a refused token."""
        # One at a time: several changes at once would get into each other's way, and an older one could come last.
        async with self._preparing:
            await self.renew_tokens()
            await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Writes what secrets, config maps and tokens are now."""
        lookup: Lookup = self._host.lookup(self.namespace)
        node = self._host.node(self.pod["spec"]["nodeName"])
        for volume in self.pod["spec"].get("volumes") or []:
            files = volume_files(volume, self.pod, lookup, self._tokens, node.address)
            place = self.place(volume)
            if files is None:
                place.mkdir(parents=True, exist_ok=True)
            else:
                publish(place, files)

    def place(self, volume: Document) -> Path:
        """The folder of a volume; raises ReferenceMissing while a claim is not bound."""
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if "ephemeral" in volume:
            claim = f"{self.pod['metadata']['name']}-{volume['name']}"
        if claim:
            return self._claimed(claim)
        if "hostPath" in volume:
            node, path = str(self.pod["spec"]["nodeName"]), str(volume["hostPath"]["path"])
            return self._host.config.volumes_dir / "nodes" / node / path.lstrip("/")
        return self.directory / str(volume["name"])

    def binds(self, container: Document, env: dict[str, str]) -> tuple[Bind, ...]:
        """What a container mounts where."""
        volumes = {volume["name"]: volume for volume in self.pod["spec"].get("volumes") or []}
        return tuple(self._bind(volumes[m["name"]], m, env) for m in container.get("volumeMounts") or [])

    async def renew_tokens(self) -> None:
        """Asks for the tokens that the volumes want, if they are missing or near their end."""
        requests = token_requests(self.pod)
        if not requests or (self._tokens and time.monotonic() < self._renewal):
            return
        for audience, seconds in requests.items():
            self._tokens[audience] = await self._token(audience, seconds)
        self._renewal = time.monotonic() + RENEW_AT * min(requests.values())

    async def _token(self, audience: str, seconds: int) -> str:
        metadata = self.pod["metadata"]
        bound = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
        spec: dict[str, Any] = {"expirationSeconds": seconds, "boundObjectRef": bound}
        if audience:
            spec["audiences"] = [audience]
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        account = self.pod["spec"].get("serviceAccountName") or "default"
        answer = await self._host.api.create(
            "/api/v1", "serviceaccounts/token", request, self.namespace, name=account
        )
        return str(answer["status"]["token"])

    def _bind(self, volume: Document, mount: Document, env: dict[str, str]) -> Bind:
        source = self.place(volume)
        below = mount.get("subPath") or expand(mount.get("subPathExpr") or "", env)
        if below:
            source = source / below
            if not source.exists() and volume.keys() & {
                "emptyDir",
                "persistentVolumeClaim",
                "hostPath",
                "ephemeral",
            }:
                source.mkdir(parents=True, exist_ok=True)
            source = source.resolve()
        written = volume.keys() & {"secret", "configMap", "projected", "downwardAPI"}
        return Bind(str(source), mount["mountPath"], bool(mount.get("readOnly")) or bool(written))

    def _claimed(self, name: str) -> Path:
        claim = self._host.claims.get(self.namespace, name)
        if claim is None:
            raise ReferenceMissing(f'persistentvolumeclaim "{name}" not found')
        volume = claim["spec"].get("volumeName")
        if not volume or (claim.get("status") or {}).get("phase") != "Bound":
            raise ReferenceMissing(f'persistentvolumeclaim "{name}" is not bound')
        return self._host.config.volumes_dir / str(volume)
