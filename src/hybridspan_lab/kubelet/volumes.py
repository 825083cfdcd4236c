"""A pod's volumes: folders that its containers see at their mount paths.

Secrets, config maps and projected sources are written as a real kubelet does: each version in a folder of its own, a
link `..data` that is swapped in one step, and links to the files through it. A reader never sees half a change.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybridspan_lab.kubeapi import Document
from hybridspan_lab.kubelet.environment import Lookup, ReferenceMissing, pod_field, resource_field, values

Files = dict[str, tuple[bytes, int]]
"""Path below the volume → contents and mode."""

FILE_MODE = 0o644
TOKEN_MODE = 0o600


def publish(directory: Path, files: Files) -> None:
    """Makes `directory` show exactly `files`; does nothing when it does already."""
    directory.mkdir(parents=True, exist_ok=True)
    if shown(directory) == files:
        return
    version = f"..{uuid.uuid4().hex[:12]}"
    for name, (content, mode) in files.items():
        path = directory / version / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(content)
        path.chmod(mode)
    (directory / version).mkdir(exist_ok=True)
    old = current(directory)
    link = directory / "..data_tmp"
    link.unlink(missing_ok=True)
    link.symlink_to(version)
    link.rename(directory / "..data")
    tops = {name.split("/")[0] for name in files}
    show(directory, tops)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def show(directory: Path, names: set[str]) -> None:
    """Links for `names`, and none for what is no longer there."""
    for entry in directory.iterdir():
        if not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()
    for name in names:
        with contextlib.suppress(FileExistsError):
            (directory / name).symlink_to(f"..data/{name}")


def current(directory: Path) -> Path | None:
    try:
        return directory / os.readlink(directory / "..data")
    except FileNotFoundError:
        return None


def shown(directory: Path) -> Files | None:
    version = current(directory)
    if version is None:
        return None
    return {
        str(path.relative_to(version)): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in version.rglob("*")
        if path.is_file()
    }


def object_files(kind: str, source: Mapping[str, Any], lookup: Lookup, default_mode: int) -> Files:
    """Files of a secret or config map, all its keys or the chosen ones; raises ReferenceMissing."""
    name = source.get("secretName") or source.get("name") or ""
    data = values(kind, lookup(kind, name))
    if data is None:
        if source.get("optional"):
            return {}
        raise ReferenceMissing(f'{kind} "{name}" not found')
    mode = int(source.get("defaultMode") or default_mode)
    items = source.get("items")
    if items is None:
        return {key: (content, mode) for key, content in data.items()}
    absent = [item["key"] for item in items if item["key"] not in data]
    if absent and not source.get("optional"):
        raise ReferenceMissing(f"references non-existent {kind} key: {absent[0]}")
    return {i["path"]: (data[i["key"]], int(i.get("mode") or mode)) for i in items if i["key"] in data}


def downward_files(source: Mapping[str, Any], pod: Document, node_address: str, default_mode: int) -> Files:
    mode = int(source.get("defaultMode") or default_mode)
    containers = {c["name"]: c for c in pod["spec"]["containers"]}
    found: Files = {}
    for item in source.get("items") or []:
        if "fieldRef" in item:
            text = pod_field(pod, item["fieldRef"]["fieldPath"], node_address)
        else:
            reference = item["resourceFieldRef"]
            text = resource_field(containers[reference["containerName"]], reference["resource"])
        found[item["path"]] = (text.encode(), int(item.get("mode") or mode))
    return found


def projected_files(
    volume: Mapping[str, Any], pod: Document, lookup: Lookup, tokens: Mapping[str, str], node_address: str
) -> Files:
    """All sources of a projected volume; `tokens` holds the service account's token for each audience."""
    mode = int(volume.get("defaultMode") or FILE_MODE)
    found: Files = {}
    for source in volume.get("sources") or []:
        if "serviceAccountToken" in source:
            wanted = source["serviceAccountToken"]
            found[wanted["path"]] = (tokens[wanted.get("audience", "")].encode(), TOKEN_MODE)
        for kind, name in (("secret", "secret"), ("configmap", "configMap")):
            if name in source:
                found.update(object_files(kind, source[name], lookup, mode))
        if "downwardAPI" in source:
            found.update(downward_files(source["downwardAPI"], pod, node_address, mode))
    return found


def volume_files(
    volume: Document, pod: Document, lookup: Lookup, tokens: Mapping[str, str], node_address: str
) -> Files | None:
    """What a volume made of the API's objects contains; None for volumes that are plain folders."""
    if "secret" in volume:
        return object_files("secret", volume["secret"], lookup, FILE_MODE)
    if "configMap" in volume:
        return object_files("configmap", volume["configMap"], lookup, FILE_MODE)
    if "downwardAPI" in volume:
        return downward_files(volume["downwardAPI"], pod, node_address, FILE_MODE)
    if "projected" in volume:
        return projected_files(volume["projected"], pod, lookup, tokens, node_address)
    return None


def token_requests(pod: Document) -> dict[str, int]:
    """Audiences (empty for the API server's own) of the tokens that a pod's volumes want, with their lifetimes in s."""
    return {
        source["serviceAccountToken"].get("audience", ""): int(
            source["serviceAccountToken"].get("expirationSeconds") or 3600
        )
        for volume in pod["spec"].get("volumes") or []
        for source in (volume.get("projected") or {}).get("sources") or []
        if "serviceAccountToken" in source
    }
