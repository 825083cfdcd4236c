"""Volumes for claims, as Azure's disk driver provides them: made when a pod has been scheduled, gone with the claim."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from pathlib import Path
from typing import Any, Final

from hybridspan_lab.kubeapi import ApiError, Document, KubeApi, WatchEvent
from hybridspan_lab.kubelet.config import KubeletConfig
from hybridspan_lab.kubelet.objects import ObjectCache
from hybridspan_lab.sandbox.system import mount, unmount

LOG: Final = logging.getLogger(__name__)
DRIVER: Final = "disk.csi.azure.com"
STORAGE: Final = "/apis/storage.k8s.io/v1"
SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
PROVISIONED_BY: Final = "pv.kubernetes.io/provisioned-by"
FIELD_MANAGER: Final = "lab-kubelet"
CLASSES: Final = {
    "default": "StandardSSD_LRS",
    "managed-csi": "StandardSSD_LRS",
    "managed-csi-premium": "Premium_LRS",
}


def storage_class(name: str, sku: str) -> Document:
    """A class as AKS has it in a new cluster."""
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if name == "default" else {}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": annotations},
        "provisioner": DRIVER,
        "parameters": {"skuname": sku},
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
        "volumeBindingMode": "WaitForFirstConsumer",
    }


async def install(api: KubeApi) -> None:
    """Makes the storage classes and says that this driver's disks need no attaching."""
    for name, sku in CLASSES.items():
        await api.apply(STORAGE, "storageclasses", storage_class(name, sku), field_manager=FIELD_MANAGER)
    driver = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSIDriver",
        "metadata": {"name": DRIVER},
        "spec": {"attachRequired": False, "podInfoOnMount": False},
    }
    await api.apply(STORAGE, "csidrivers", driver, field_manager=FIELD_MANAGER)


class Provisioner:
    """Follows claims and volumes of one cluster. Folders lie in the configured directory, named as the volumes are."""

    def __init__(
        self, api: KubeApi, claims: ObjectCache, volumes: ObjectCache, config: KubeletConfig
    ) -> None:
        self._api = api
        self._config = config
        self._claims = claims
        self._volumes = volumes
        self._directory = config.volumes_dir
        self._classes: dict[str, Document] = {}
        self._work: asyncio.Queue[WatchEvent] = asyncio.Queue()
        claims.listeners.append(self._work.put_nowait)
        volumes.listeners.append(self._work.put_nowait)

    async def run(self) -> None:
        """Works for ever; what fails is tried again at the object's next change or after a second."""
        while True:
            event = await self._work.get()
            try:
                await self._handle(event)
            except (ApiError, OSError) as error:
                # A conflict means that it has been done, or that a newer version is on its way here.
                if not (isinstance(error, ApiError) and error.is_conflict):
                    LOG.info("volume work: %s", error)
                    asyncio.get_running_loop().call_later(1.0, self._work.put_nowait, event)

    async def _handle(self, event: WatchEvent) -> None:
        if event.kind == "DELETED":
            return
        if event.object["kind"] == "PersistentVolumeClaim":
            await self._provide(event.object)
        elif is_ours(event.object) and (event.object.get("status") or {}).get("phase") == "Released":
            await self._reclaim(event.object)

    async def _provide(self, claim: Document) -> None:
        if claim["spec"].get("volumeName"):
            await self._grow(claim)
            return
        chosen = await self._class_of(claim)
        if chosen is None or chosen["provisioner"] != DRIVER:
            return
        waits = chosen.get("volumeBindingMode") == "WaitForFirstConsumer"
        if waits and SELECTED_NODE not in (claim["metadata"].get("annotations") or {}):
            return
        volume = volume_for(claim, chosen)
        folder = self._directory / volume["metadata"]["name"]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._limit(folder, claim["metadata"]["name"])
        await self._api.create("/api/v1", "persistentvolumes", volume)

    def _limit(self, folder: Path, claim: str) -> None:
        """Makes the disk as small as a rehearsal of a full one wants it."""
        file = self._config.disk_limits
        if file is None or not file.exists() or folder.is_mount():
            return
        size = json.loads(file.read_text()).get(f"{self._config.cluster}/{claim}")
        if size:
            mount("tmpfs", str(folder), "tmpfs", 0, f"mode=0700,size={size}")

    async def _class_of(self, claim: Document) -> Document | None:
        name = claim["spec"].get("storageClassName")
        if not name:
            return None
        if name not in self._classes:
            found = await self._api.find(STORAGE, "storageclasses", name)
            if found is None:
                return None
            self._classes[name] = found
        return self._classes[name]

    async def _grow(self, claim: Document) -> None:
        """A larger request is granted at once, in the volume and then in the claim's status."""
        wanted = claim["spec"]["resources"]["requests"]["storage"]
        had = ((claim.get("status") or {}).get("capacity") or {}).get("storage")
        volume = self._volumes.get("", claim["spec"]["volumeName"])
        if had is None or had == wanted or volume is None or not is_ours(volume):
            return
        capacity = {"storage": wanted}
        await self._api.patch(
            "/api/v1", "persistentvolumes", volume["metadata"]["name"], {"spec": {"capacity": capacity}}
        )
        metadata = claim["metadata"]
        await self._api.update_status(
            "/api/v1",
            "persistentvolumeclaims",
            metadata["name"],
            {"capacity": capacity},
            metadata["namespace"],
        )

    async def _reclaim(self, volume: Document) -> None:
        if volume["spec"].get("persistentVolumeReclaimPolicy") != "Delete":
            return
        name = volume["metadata"]["name"]
        if (self._directory / name).is_mount():
            unmount(str(self._directory / name))
        await asyncio.to_thread(shutil.rmtree, self._directory / name, ignore_errors=True)
        await self._api.delete("/api/v1", "persistentvolumes", name)


def is_ours(volume: Document) -> bool:
    return (volume["metadata"].get("annotations") or {}).get(PROVISIONED_BY) == DRIVER


def volume_for(claim: Document, chosen: Document) -> Document:
    """The volume that a claim gets, bound to that claim alone."""
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    reference: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: DRIVER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "persistentVolumeReclaimPolicy": chosen.get("reclaimPolicy", "Delete"),
            "storageClassName": chosen["metadata"]["name"],
            "claimRef": reference,
            "csi": {"driver": DRIVER, "volumeHandle": f"/lab/disks/{name}", "fsType": "ext4"},
        },
    }
