"""Clusters that take tokens of Entra ID only: Azure's kubeconfig asks a person at a browser, and a run has none to ask.

The plug-in is kubelogin; it can sign in as we signed in to Azure, and is told so here. No secret is written: it reads the same
environment.
"""

from __future__ import annotations

from typing import Any, Final

from hybridspan.azure.cloud import AzureCloud
from hybridspan.azure.credentials import Source

LOGINS: Final[dict[Source, str]] = {
    "az": "azurecli",
    "environment": "spn",
    "workload-identity": "workloadidentity",
    "default": "msi",
}
"""What kubelogin calls each of our ways to sign in."""

_KEPT: Final = ("--environment", "--server-id", "--tenant-id")
"""Options that say which Azure and which server; the client's id is that of the browser's application."""


def unattended(content: bytes, source: Source, cloud: AzureCloud) -> bytes:
    """The same kubeconfig with every kubelogin signing in as that source, to that cloud; unchanged where there is none."""
    import io

    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    document = yaml.load(content)
    changed = [_converted(entry, source, cloud) for entry in (document or {}).get("users") or ()]
    if not any(changed):
        return content
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue().encode()


def _converted(entry: dict[str, Any], source: Source, cloud: AzureCloud) -> bool:
    plugin = (entry.get("user") or {}).get("exec") or {}
    if plugin.get("command") != "kubelogin" or not plugin.get("args"):
        return False
    given = [str(argument) for argument in plugin["args"]]
    options = [(name, given[given.index(name) + 1]) for name in _KEPT if name in given]
    kept = [part for option in options for part in option]
    plugin["args"] = ["get-token", *kept, *_place(source, cloud), "--login", LOGINS[source]]
    plugin["interactiveMode"] = "Never"
    return True


def _place(source: Source, cloud: AzureCloud) -> list[str]:
    """Where it signs in, where that is not public Azure; az and the machine's own identity know it themselves."""
    if cloud.is_public or source in ("az", "default"):
        return []
    return ["--authority-host", f"{cloud.authority}/", "--disable-instance-discovery"]
