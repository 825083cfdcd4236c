"""Which Kubernetes releases each Apigee hybrid release was published for.

From Google's table of supported platforms. Patch releases of hybrid add newer ones, so being outside is worth a warning and no
refusal; releases that are not here are not known.
"""

from __future__ import annotations

from typing import Final

from hybridspan.topology.releases import release_of

_MINORS: Final = {
    "1.10": (24, 28),
    "1.11": (25, 29),
    "1.12": (26, 29),
    "1.13": (27, 30),
    "1.14": (28, 31),
    "1.15": (29, 33),
}
"""First and last minor release of Kubernetes 1."""


def doubt(hybrid_version: str, kubernetes_version: str) -> str:
    """Why the pairing is in doubt, in words; empty where it is listed, or where nothing is known."""
    release = release_of(hybrid_version)
    listed = _MINORS.get(release.minor) if release else None
    parts = kubernetes_version.split(".")
    if listed is None or release is None or len(parts) < 2 or not parts[1].isdigit():
        return ""
    first, last = listed
    if first <= int(parts[1]) <= last:
        return ""
    return f"hybrid {release.minor} was published for Kubernetes 1.{first} to 1.{last}, and this is {kubernetes_version}"
