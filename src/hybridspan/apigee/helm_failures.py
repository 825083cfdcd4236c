"""What helm's last words mean: the remedy for the failures that people meet with Apigee's charts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, Protocol

from hybridspan.apigee.apigeectl import PASSING
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts.helm import WantedRelease

_REMEDIES: Final = (
    (
        r"no matches for kind|ensure CRDs are installed first",
        "Apigee's CRDs are missing or of another release: run apply again, its crds step applies them from the operator's chart",
    ),
    (
        r"no endpoints available for service|failed calling webhook",
        (
            "the operator is down, and without its webhook nothing of Apigee can be changed: {kubectl} get pods -l"
            " app=apigee-controller; apply waits for it for a while"
        ),
    ),
    (
        r"multiRegionSeedHost",
        (
            "the webhook lets nobody change the seed of a running datastore: the address in the overrides must be the live one"
            " (or go, after the region was verified)"
        ),
    ),
    (
        r"invalid ownership metadata|cannot be imported into the current release",
        (
            "the cluster has this already from another release or from apigeectl, which may serve: use its release name, and"
            " remove it only where nothing depends on it; what Argo CD has installed only Argo CD changes: change and sync its"
            " Application, then run apply again"
        ),
    ),
    (
        r"another operation \(install/upgrade/rollback\) is in progress",
        "another helm run is under way, or was killed: {helm} history RELEASE tells",
    ),
    (
        r"values don't meet the specifications of the schema|error validating data|execution error at",
        "correct the overrides: the last lines name the value",
    ),
    (
        r"no such file or directory.*(?:json|crt|key|pem)|open .*: no such file",
        "a key or certificate that the overrides name is not there: paths are relative to the overrides file",
    ),
    (
        r"timed out waiting for the condition|context deadline exceeded|resource .* not ready",
        "{kubectl} get pods,events shows what does not start; helm has taken back what it had begun",
    ),
)

_WAITED_OUT: Final = re.compile(
    r"timed out waiting for the condition"
    r"|due to (?:atomic|rollback-on-failure) being set:(?!.*failed calling webhook).*context deadline exceeded",
    re.IGNORECASE | re.DOTALL,
)
"""What helm installed did not come up within its whole `--timeout`: no failure that passes while one waits a little more."""


class Place(Protocol):
    """Where helm acted."""

    @property
    def namespace(self) -> str: ...

    def command(self, program: Literal["helm", "kubectl"]) -> str: ...


def explained(told: str, command: Callable[[Literal["helm", "kubectl"]], str]) -> str:
    """The remedy for helm's last words; empty where they are new to us.

    `command` gives what a command of that program about the place begins with.
    """
    remedy = next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, told)), "")
    return remedy.replace("{kubectl}", command("kubectl")).replace("{helm}", command("helm"))


def install_failure(
    release: WantedRelease, told: str, then: str, place: Place
) -> PermanentFailure | TemporaryFailure:
    """What helm's last words on a release come to; `then` says what became of it."""
    where = f"release {release.name}, chart {release.chart}, namespace {place.namespace}"
    remedy = explained(told, place.command)
    if PASSING.search(told) and not _WAITED_OUT.search(told):
        return TemporaryFailure(
            "HS-APIGEE-033",
            "helm could not do it now",
            where=where,
            why=told,
            hint=remedy or f"{place.command('kubectl')} get pods shows what does not run",
        )
    return PermanentFailure(
        "HS-APIGEE-032",
        f"helm could not install {release.name}; {then}",
        where=where,
        why=told,
        hint=remedy or "correct what its last lines name, then run apply again",
    )
