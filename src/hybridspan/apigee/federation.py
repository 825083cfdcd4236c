"""What overrides say of workload identity federation: the audience, and the credential files that name a provider."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hybridspan.apigee.document import EditableText

MAY_DIFFER: Final = re.compile(r"(.*\.)?serviceAccount(Path|Ref|Paths\..*|SecretRefs\..*)")
"""With federation these name credential configurations, each for one cluster's provider; keys are the same everywhere."""


def audience_of(document: EditableText) -> str:
    """What the cluster's tokens are made out to, where federation is on; empty where it is off."""
    found = document.value("gcp", "federatedWorkloadIdentity")
    if not isinstance(found, dict) or not found.get("enabled"):
        return ""
    return str(found.get("audience") or "(none)")


def credential_files(document: EditableText, folder: Path) -> tuple[tuple[str, str], ...]:
    """Credential configurations that the document names by path, each with the provider that it is for."""
    return tuple(_configurations(document, folder)) if audience_of(document) else ()


def _configurations(document: EditableText, folder: Path) -> Iterator[tuple[str, str]]:
    names = {s.value for s in document.scalars() if isinstance(s.value, str) and _is_account(s.path)}
    for name in sorted(names):
        try:
            found = json.loads((folder / name).read_text())
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and found.get("type") == "external_account":
            yield name, str(found.get("audience") or "")


def _is_account(path: tuple[str, ...]) -> bool:
    return path[-1] == "serviceAccountPath" or "serviceAccountPaths" in path
