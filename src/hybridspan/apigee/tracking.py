"""Which of Apigee's charts Argo CD has installed, by the objects that stand for one; whether they run is not said here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hybridspan.facts.argo import application_of

Document = dict[str, Any]

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


def _key(document: Document) -> str:
    kind, name = str(document.get("kind") or ""), str((document.get("metadata") or {}).get("name") or "")
    if kind in _FOR_EACH:
        component, key = _FOR_EACH[kind]
        return f"{component}/{(document.get('spec') or {}).get(key) or ''}"
    return _BY_KIND.get(kind) or _BY_NAME.get(name, "")
