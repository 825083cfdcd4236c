"""Helm's releases: those that a cluster has, and those that a region needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Component = Literal[
    "operator", "datastore", "telemetry", "redis", "ingress-manager", "org", "env", "virtualhost"
]

SUBJECTS: Final[dict[str, str]] = {"apigee-env": "env", "apigee-virtualhost": "envgroup"}
"""Charts that are installed once for each environment or environment group, with the value that says for which."""


@dataclass(frozen=True, slots=True)
class HelmRelease:
    """A release as `helm list` shows it."""

    name: str
    chart: str
    version: str
    """Version of the chart, such as 1.16.0 or 1.14.2-hotfix.1."""
    status: str
    """deployed, failed, pending-install, pending-upgrade, pending-rollback, uninstalling, uninstalled, superseded."""
    revision: int
    subject: str = ""
    """The environment or environment group that it is for, or empty."""

    @property
    def key(self) -> str:
        """`env/prod`, or `redis` where there is one only: as of the release that a region needs."""
        component = self.chart.removeprefix("apigee-")
        return f"{component}/{self.subject}" if self.subject else component

    @property
    def is_deployed(self) -> bool:
        return self.status == "deployed"

    @property
    def is_pending(self) -> bool:
        """Whether a helm run has begun and not said how it ended."""
        return self.status.startswith("pending-") or self.status == "uninstalling"

    @property
    def is_removed(self) -> bool:
        """Whether nothing but the record is left of it (`helm uninstall --keep-history`)."""
        return self.status == "uninstalled"


@dataclass(frozen=True, slots=True)
class WantedRelease:
    """One release of a region: which chart under which name, for which environment or group."""

    component: Component
    name: str
    subject: str = ""

    @property
    def chart(self) -> str:
        return f"apigee-{self.component}"

    @property
    def key(self) -> str:
        """`env/prod`, or `redis` where there is one only."""
        return f"{self.component}/{self.subject}" if self.subject else self.component

    @property
    def settings(self) -> tuple[str, ...]:
        """`env=prod` for the charts that are installed once for each."""
        key = SUBJECTS.get(self.chart)
        return (f"{key}={self.subject}",) if key and self.subject else ()


_CHART: Final = re.compile(r"(?P<name>.+?)-(?P<version>v?\d+\.\d+\.\d+.*)")


def split_chart(text: str) -> tuple[str, str]:
    """`apigee-env-1.14.2-hotfix.1` → (`apigee-env`, `1.14.2-hotfix.1`); the version is empty where there is none."""
    found = _CHART.fullmatch(text)
    return (found["name"], found["version"]) if found else (text, "")


OLDEST_HELM: Final = (3, 14)
"""`--dry-run=server` came with 3.13; from this release on hybridspan is tried."""


def is_too_old(version: str) -> bool:
    """Whether what `helm version --short` says is a helm that cannot do what is asked of it; what cannot be read is not judged."""
    number = number_of(version)
    return number is not None and number < OLDEST_HELM


def number_of(version: str) -> tuple[int, int] | None:
    """`v3.22.0+g1a2b3c4` → (3, 22)."""
    found = re.search(r"v(\d+)\.(\d+)\b", version)
    return (int(found[1]), int(found[2])) if found else None


def manner(version: str) -> tuple[str, ...]:
    """Flags of that helm for an upgrade that is taken back where it fails, and that puts back what somebody changed by hand.

    helm 3 does the latter by itself. helm 4 lets the server merge, which refuses such a change as a conflict, unless told otherwise.
    """
    number = number_of(version)
    return (
        ("--atomic",)
        if number is None or number < (4, 0)
        else ("--rollback-on-failure", "--server-side=false")
    )
