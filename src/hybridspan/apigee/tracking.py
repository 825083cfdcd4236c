"""Whose a chart's objects are where no Helm release is: Argo CD renders charts, applies what comes out, and makes none.

It marks each object with its Application, by an annotation (the default since Argo CD 3) or a label. Which of the charts such an
object stands for is said here; whether it runs is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

Document = dict[str, Any]

ANNOTATION: Final = "argocd.argoproj.io/tracking-id"
"""`APPLICATION:GROUP/KIND:NAMESPACE/NAME`; on an object of another name it was copied, and says nothing."""
LABEL: Final = "app.kubernetes.io/instance"
"""Charts set it too, to the name of their release: it counts where Helm's own mark is missing."""
HELM: Final = "meta.helm.sh/release-name"
_BY_KIND: Final = {
    "ApigeeDatastore": "datastore",
    "ApigeeOrganization": "org",
    "ApigeeTelemetry": "telemetry",
    "ApigeeRedis": "redis",
}
_BY_NAME: Final = {
    "apigee-controller-manager": "operator",
    "apigee-ingressgateway-manager": "ingress-manager",
}
_FOR_EACH: Final = {"ApigeeEnvironment": ("env", "name"), "ApigeeRouteConfig": ("virtualhost", "virtualHost")}
"""Kinds that a chart brings once for each environment or group, with the key of their spec that names it."""


def tracked(documents: Iterable[Document | None]) -> Mapping[str, str]:
    """The Application that each release's object is of, by the release's key (`operator`, `env/prod`)."""
    marked = ((_key(found), application_of(found)) for found in documents if found)
    return {key: application for key, application in marked if key and application}


def application_of(document: Document) -> str:
    """The Application that an object is of, or empty."""
    metadata = document.get("metadata") or {}
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    name, _, place = str(annotations.get(ANNOTATION) or "").partition(":")
    if place.endswith(
        f"{document.get('kind', '')}:{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    ):
        return name
    return "" if annotations.get(HELM) else str(labels.get(LABEL) or "")


def _key(document: Document) -> str:
    kind, name = str(document.get("kind") or ""), str((document.get("metadata") or {}).get("name") or "")
    if kind in _FOR_EACH:
        component, key = _FOR_EACH[kind]
        return f"{component}/{(document.get('spec') or {}).get(key) or ''}"
    return _BY_KIND.get(kind) or _BY_NAME.get(name, "")
