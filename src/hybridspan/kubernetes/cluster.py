"""One Kubernetes cluster: its objects, commands in its pods and ways to their ports.

Documents go in and out as the API server has them; facts for decisions are made in `objects`. Everything that changes
the cluster goes to the record, without the content of secrets.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from hybridspan.errors import PermanentFailure
from hybridspan.facts.kubernetes import ClusterObjects, PodFacts
from hybridspan.kubernetes import execution, forwarding, objects, rights
from hybridspan.kubernetes.access import Access, Document
from hybridspan.kubernetes.execution import ExecResult
from hybridspan.kubernetes.forwarding import ForwardedPort
from hybridspan.kubernetes.kinds import Kinds
from hybridspan.kubernetes.kubeconfig import has_context, one_context, personal_paths
from hybridspan.kubernetes.observe import cluster_objects
from hybridspan.kubernetes.rights import Right
from hybridspan.secrets import Secret, write_private

__all__ = ["Document", "ExecResult", "KubernetesCluster", "Recorder", "has_context"]

Recorder = Callable[[str, Mapping[str, Any]], None]
Merge = Literal["merge", "json"]

FIELD_MANAGER: Final = "hybridspan"
_PAGE: Final = "500"
_PATCHES: Final = {"merge": "application/merge-patch+json", "json": "application/json-patch+json"}


class KubernetesCluster:
    """An open connection to one cluster; `name` is what messages call it. Close it with `close`."""

    def __init__(self, access: Access, name: str, record: Recorder) -> None:
        self.name = name
        self.version = ""
        self._access = access
        self._record = record
        self._kinds = Kinds(access)

    @classmethod
    async def connect(
        cls, kubeconfig: Path | None, context: str | None, name: str, record: Recorder
    ) -> KubernetesCluster:
        """The cluster of a context (None: the current one) of that kubeconfig (None: the person's own).

        InputError for a kubeconfig that cannot be used; failures where the API server does not answer or let us in.
        """
        paths = (kubeconfig,) if kubeconfig is not None else personal_paths()
        access = Access(one_context(paths, context), name)
        await access.open()
        cluster = cls(access, name, record)
        try:
            answer = await access.request("GET", "/version")
            cluster.version = str(answer["gitVersion"])
        except BaseException:
            await access.close()
            raise
        return cluster

    @property
    def kubectl(self) -> str:
        """What a person's command about this cluster begins with."""
        return self._access.kubectl

    async def close(self) -> None:
        await self._access.close()

    def private_kubeconfig(self, path: Path) -> None:
        """Write a kubeconfig of this one context that only its owner can read."""
        write_private(path, json.dumps(self._access.document, indent=1).encode())

    async def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> Document | None:
        """The object, or None where it (or its kind) does not exist."""
        path = await self._kinds.path(api_version, kind, namespace)
        if path is None:
            return None
        found: Document | None = await self._access.request("GET", f"{path}/{name}", where=f"{kind} {name}")
        return found

    async def list_(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> list[Document]:
        """All objects of a kind (and namespace, and label selector); empty where the kind does not exist."""
        path = await self._kinds.path(api_version, kind, namespace)
        found: list[Document] = []
        following = ""
        while path is not None:
            query = {"limit": _PAGE, "labelSelector": labels, "continue": following}
            query = {key: value for key, value in query.items() if value}
            answer = await self._access.request("GET", path, query=query, where=f"objects of kind {kind}")
            items = (answer or {}).get("items") or []
            found += [{"apiVersion": api_version, "kind": kind} | item for item in items]
            following = ((answer or {}).get("metadata") or {}).get("continue", "")
            if not following:
                break
        return found

    async def apply(self, document: Document, *, force: bool = False) -> Document:
        """Server-side apply as `hybridspan`; `force` takes over fields that another manager owns."""
        api_version, kind, name, namespace = _identity(document)
        path = await self._kinds.known_path(api_version, kind, namespace)
        query = {"fieldManager": FIELD_MANAGER, "force": str(force).lower()}
        where = f"{kind} {name}"
        self._tell("apply", document)
        applied: Document = await self._access.request(
            "PATCH",
            f"{path}/{name}",
            query=query,
            body=document,
            content_type="application/apply-patch+yaml",
            where=where,
        )
        return applied

    async def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        change: Any,
        namespace: str | None = None,
        *,
        merge: Merge = "merge",
    ) -> Document:
        """A JSON merge patch, or with `merge="json"` a list of JSON patch operations."""
        path = await self._kinds.known_path(api_version, kind, namespace)
        self._tell("patch", _named(api_version, kind, name, namespace))
        patched: Document = await self._access.request(
            "PATCH",
            f"{path}/{name}",
            query={"fieldManager": FIELD_MANAGER},
            body=change,
            content_type=_PATCHES[merge],
            where=f"{kind} {name}",
        )
        return patched

    async def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> bool:
        """Delete an object; False where there was none."""
        path = await self._kinds.path(api_version, kind, namespace)
        if path is None:
            return False
        self._tell("delete", _named(api_version, kind, name, namespace))
        answer = await self._access.request("DELETE", f"{path}/{name}", where=f"{kind} {name}")
        return answer is not None

    async def exec(
        self,
        namespace: str,
        pod: str,
        argv: Sequence[str],
        *,
        container: str | None = None,
        stdin: bytes | None = None,
        timeout: float = 60.0,
    ) -> ExecResult:
        """Run a command in a container; `timeout` in seconds.

        TemporaryFailure HS-KUBE-006 says that the stream was lost (the command may still run), HS-KUBE-007 that
        the time is over, HS-KUBE-008 that the container cannot run it now. A command's own code is no failure.
        """
        return await execution.run(
            self._access, namespace, pod, argv, container=container, stdin=stdin, seconds=timeout
        )

    @contextlib.asynccontextmanager
    async def forward(self, namespace: str, pod: str, port: int) -> AsyncIterator[ForwardedPort]:
        """A port of 127.0.0.1 whose connections, any number at a time, reach the pod's port."""
        async with forwarding.forward(self._access, namespace, pod, port) as local:
            yield local

    async def missing_rights(self, namespace: str, wanted: Sequence[Right]) -> tuple[Right, ...]:
        """Those of the rights that this sign-in does not have, as the API server itself says."""
        return await rights.missing(self._access, namespace, wanted)

    async def logs(
        self,
        namespace: str,
        pod: str,
        *,
        container: str | None = None,
        tail: int = 200,
        previous: bool = False,
    ) -> list[str]:
        """The last lines of a container's log; empty where there is none (yet, or of a previous run)."""
        query = {"tailLines": str(tail), "previous": str(previous).lower()}
        query |= {"container": container} if container else {}
        try:
            answer = await self._access.request(
                "GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query=query, where=f"log of {pod}"
            )
        except PermanentFailure as error:
            if (
                error.code == "HS-KUBE-004"
            ):  # "previous terminated container not found", or still waiting to start
                return []
            raise
        return answer.splitlines() if isinstance(answer, str) else [str(answer)] if answer else []

    async def pods(self, namespace: str, labels: str = "") -> tuple[PodFacts, ...]:
        """Pods of a namespace (and label selector) in the order of their ordinals."""
        found = await self.list_("v1", "Pod", namespace, labels=labels)
        return objects.in_ordinal_order([objects.pod(p) for p in found])

    async def secret(self, namespace: str, name: str) -> dict[str, Secret | bytes]:
        """A secret's values by key: text as Secret, anything else as bytes; empty where there is no such secret."""
        document = await self.get("v1", "Secret", name, namespace)
        data = (document or {}).get("data") or {}
        return {key: _value(base64.b64decode(content)) for key, content in data.items()}

    async def objects(self, namespace: str) -> ClusterObjects:
        """What this cluster has that matters for an Apigee region in that namespace."""
        return await cluster_objects(self, namespace)

    def _tell(self, verb: str, document: Document) -> None:
        api_version, kind, name, namespace = _identity(document)
        line = {"verb": verb, "cluster": self.name, "apiVersion": api_version, "kind": kind, "name": name}
        self._record("kube", line | ({"namespace": namespace} if namespace else {}))


def _identity(document: Document) -> tuple[str, str, str, str | None]:
    metadata = document["metadata"]
    return document["apiVersion"], document["kind"], metadata["name"], metadata.get("namespace")


def _named(api_version: str, kind: str, name: str, namespace: str | None) -> Document:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def _value(content: bytes) -> Secret | bytes:
    try:
        return Secret(content.decode())
    except UnicodeDecodeError:
        return content
