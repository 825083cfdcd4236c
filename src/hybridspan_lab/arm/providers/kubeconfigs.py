"""The kubeconfigs that AKS hands out: with certificates, through Entra, or to an address that only its network knows."""

from __future__ import annotations

import json
from typing import Any, Final

from ruamel.yaml import YAML

from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import bad_request

SERVER_APPLICATION: Final = "6dae42f8-4368-4678-94ff-3960e28e3630"
CLIENT_APPLICATION: Final = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
"""AKS's own applications in every Entra tenant."""


def answered(cluster: Document, config: bytes, *, admin: bool) -> bytes:
    """What the cluster's document makes of its host's kubeconfig; ArmError 400 where there are no local accounts."""
    properties = cluster["properties"]
    if admin and properties.get("disableLocalAccounts"):
        message = (
            "Getting static credential is not allowed because this cluster is set to disable local accounts."
        )
        raise bad_request("BadRequest", message)
    private = (properties.get("apiServerAccessProfile") or {}).get("enablePrivateCluster")
    if not private and (admin or not properties.get("aadProfile")):
        return config
    document: dict[str, Any] = YAML(typ="safe").load(config)
    if private:
        for entry in document["clusters"]:
            entry["cluster"]["server"] = f"https://{properties['privateFQDN']}:443"
    if properties.get("aadProfile") and not admin:
        for entry in document["users"]:
            entry["user"] = {"exec": _kubelogin(str(properties["aadProfile"].get("tenantID") or ""))}
    return json.dumps(document).encode()


def _kubelogin(tenant: str) -> Document:
    return {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "kubelogin",
        "args": [
            "get-token",
            "--environment",
            "AzurePublicCloud",
            "--server-id",
            SERVER_APPLICATION,
            "--client-id",
            CLIENT_APPLICATION,
            "--tenant-id",
            tenant,
            "--login",
            "devicecode",
        ],
        "installHint": "kubelogin is not installed which is required to connect to AAD enabled cluster.",
        "provideClusterInfo": False,
    }
