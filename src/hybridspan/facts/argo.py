"""Whose an object is where no Helm release is: Argo CD renders charts, applies what comes out, and makes none.

It marks each object with its Application, by an annotation (the default since Argo CD 3) or a label.
"""

from __future__ import annotations

from typing import Any, Final

Document = dict[str, Any]

ANNOTATION: Final = "argocd.argoproj.io/tracking-id"
"""`APPLICATION:GROUP/KIND:NAMESPACE/NAME`; on an object of another name it was copied, and says nothing."""
LABEL: Final = "app.kubernetes.io/instance"
"""Charts set it too, to the name of their release: it counts where Helm's own mark is missing."""
HELM: Final = "meta.helm.sh/release-name"


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
