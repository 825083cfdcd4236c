"""Apigee's CustomResourceDefinitions, as the operator's chart brings them beside its templates: `etc/crds/default`.

They are too large for the annotation of a client-side apply, so they go to the server's side. The folder is a kustomization;
one that does more than list files is left to kubectl.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hybridspan.errors import PermanentFailure

Document = dict[str, Any]

FOLDER: Final = Path("etc") / "crds" / "default"
_PLAIN_KEYS: Final = frozenset({"apiVersion", "kind", "resources"})


async def definitions_in(chart: Path) -> list[Document]:
    """Every object of the folder; PermanentFailure where it cannot be read."""
    folder = chart / FOLDER
    try:
        text = await _built(folder)
    except OSError as error:
        raise _unreadable(folder, str(error)) from error
    found = [d for d in _documents(text) if d.get("kind")]
    if not found:
        raise _unreadable(folder, "it holds no definition")
    return found


async def _built(folder: Path) -> str:
    kustomization = folder / "kustomization.yaml"
    if not kustomization.is_file():
        return "\n---\n".join(path.read_text() for path in sorted(folder.glob("*.y*ml")))
    if _is_plain(folder):
        return "\n---\n".join(_texts(folder))
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise _unreadable(
            folder,
            "its kustomization changes what it lists, and kubectl, which can do that, is not on the PATH",
        )
    process = await asyncio.create_subprocess_exec(
        kubectl, "kustomize", str(folder), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if process.returncode:
        raise _unreadable(folder, err.decode(errors="replace").strip())
    return out.decode()


def _is_plain(folder: Path) -> bool:
    (document,) = _documents((folder / "kustomization.yaml").read_text())
    below = [folder / name for name in document.get("resources") or []]
    return set(document) <= _PLAIN_KEYS and all(
        _is_plain(path) if (path / "kustomization.yaml").is_file() else path.is_file() for path in below
    )


def _texts(folder: Path) -> Iterator[str]:
    (document,) = _documents((folder / "kustomization.yaml").read_text())
    for name in document.get("resources") or []:
        path = folder / name
        if path.is_dir():
            yield from _texts(path)
        else:
            yield path.read_text()


def _documents(text: str) -> list[Document]:
    from ruamel.yaml import YAML

    return [d for d in YAML(typ="safe", pure=True).load_all(text) if isinstance(d, dict)]


def _unreadable(folder: Path, why: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-APIGEE-037",
        "the operator's chart brings no CRDs that can be used",
        where=str(folder),
        why=why,
        hint="use Apigee's own chart, unpacked whole: helm pull --untar",
    )


def is_established(document: Document | None) -> bool:
    """Whether the API server serves what a definition defines."""
    conditions = ((document or {}).get("status") or {}).get("conditions") or []
    return any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions)
