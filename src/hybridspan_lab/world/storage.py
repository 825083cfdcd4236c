"""The storage classes that every new AKS cluster has."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from hybridspan_lab.kubeapi import KubeApi

DISK: Final = "disk.csi.azure.com"
API: Final = "/apis/storage.k8s.io/v1"
CLASSES: Final = {
    "default": "StandardSSD_LRS",
    "managed": "StandardSSD_LRS",
    "managed-premium": "Premium_LRS",
    "managed-csi": "StandardSSD_LRS",
    "managed-csi-premium": "Premium_LRS",
}
"""Name → kind of disk."""


async def create_classes(api: KubeApi) -> None:
    """Creates them, `default` being the default one."""
    await asyncio.gather(
        *(
            api.apply(API, "storageclasses", _class(name, kind), field_manager="aks-addon-manager")
            for name, kind in CLASSES.items()
        )
    )


def _class(name: str, kind: str) -> dict[str, Any]:
    is_default = "true" if name == "default" else "false"
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": name,
            "labels": {
                "addonmanager.kubernetes.io/mode": "EnsureExists",
                "kubernetes.io/cluster-service": "true",
            },
            "annotations": {"storageclass.kubernetes.io/is-default-class": is_default},
        },
        "provisioner": DISK,
        "parameters": {"skuname": kind},
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
        "volumeBindingMode": "WaitForFirstConsumer",
    }
