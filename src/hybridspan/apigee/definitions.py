"""Apigee's CustomResourceDefinitions, as the operator's chart brings them beside its templates: `etc/crds/default`.

They are too large for the annotation of a client-side apply, so they go to the server's side. The folder is a kustomization;
one that does more than list files is left to kubectl.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

from hybridspan.apigee.observe import DEFINITION
from hybridspan.errors import PermanentFailure
from hybridspan.facts.apigee import ChartComparison

Document = dict[str, Any]

EXTENSIONS: Final = "apiextensions.k8s.io/v1"

FOLDER: Final = Path("etc") / "crds" / "default"
_PLAIN_KEYS: Final = frozenset({"apiVersion", "kind", "resources"})


class Definitions(Protocol):
    """What is asked of a cluster."""

    async def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> Document | None: ...


async def definitions_in(chart: Path) -> list[Document]:
    """Every object of the folder, to be read only; PermanentFailure where it cannot be read."""
    folder = chart / FOLDER
    try:
        text = await _built(folder)
    except OSError as error:
        raise _unreadable(folder, str(error)) from error
    found = [d for d in _parsed(text) if d.get("kind")]
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


@lru_cache(maxsize=2)
def _parsed(text: str) -> tuple[Document, ...]:
    """A megabyte takes seconds to parse, and each look at a region asks for it."""
    return tuple(_documents(text))


def _unreadable(folder: Path, why: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-APIGEE-037",
        "the operator's chart brings no CRDs that can be used",
        where=str(folder),
        why=why,
        hint="use Apigee's own chart, unpacked whole: helm pull --untar",
    )


async def compared(cluster: Definitions, chart: Iterable[Document]) -> ChartComparison:
    """The cluster's definitions beside the chart's."""
    wanted = [document for document in chart if document["kind"] == DEFINITION]
    names = [document["metadata"]["name"] for document in wanted]
    found = await asyncio.gather(*(cluster.get(EXTENSIONS, DEFINITION, name) for name in names))
    pairs = list(zip(names, wanted, found, strict=True))
    return ChartComparison(
        missing=tuple(name for name, _, live in pairs if live is None),
        other=tuple(name for name, chart, live in pairs if live and not is_as_in(chart, live)),
    )


def is_as_in(chart: Document, live: Document) -> bool:
    """Whether a definition serves what the chart's does; what an API server adds, or leaves out as empty, is no difference."""
    return _holds(live["spec"].get("versions"), chart["spec"].get("versions"))


def _holds(live: Any, wanted: Any, *, is_whole: bool = False) -> bool:
    if not live and not wanted:
        return True
    if isinstance(wanted, dict):
        if not isinstance(live, dict) or (is_whole and set(live) != set(wanted)):
            return False
        # A field more is another release's: the server adds none.
        return all(_holds(live.get(k), v, is_whole=k == "properties") for k, v in wanted.items())
    if isinstance(wanted, list):
        same = isinstance(live, list) and len(live) == len(wanted)
        return same and all(map(_holds, live, wanted))
    return bool(live == wanted)


def is_established(document: Document | None) -> bool:
    """Whether the API server serves what a definition defines."""
    conditions = ((document or {}).get("status") or {}).get("conditions") or []
    return any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions)
