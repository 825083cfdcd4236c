"""Which secrets every region has in common: what they are for says so, or the overrides name them."""

from __future__ import annotations

from collections.abc import Collection

from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.kubernetes import ClusterObjects, SecretFacts
from hybridspan.facts.overrides import OverridesFacts


def applications(first: ApigeeFacts | None) -> frozenset[str]:
    """The Argo CD applications by which the first region has Apigee's charts."""
    return frozenset(first.tracked.values()) if first else frozenset()


def shared_secrets(
    first: ClusterObjects, overrides: OverridesFacts | None, charts: Collection[str] = ()
) -> tuple[SecretFacts, ...]:
    """The first region's secrets that every region must have: by what they are for, or named by the overrides.

    Not those that a chart made, by a Helm release or by one of the applications `charts`: Helm makes them in the new region
    too, and refuses to take over a copy.
    """
    named = overrides.secrets if overrides else frozenset()
    return tuple(
        s
        for s in first.secrets
        if (s.purpose or s.name in named) and not s.release and s.application not in charts
    )


def missing_secrets(
    first: ClusterObjects,
    overrides: OverridesFacts | None,
    own: ClusterObjects,
    charts: Collection[str] = (),
) -> tuple[str, ...]:
    """Names of shared secrets that the other cluster does not have, or has with other content."""
    held = {s.name: s.hashes for s in own.secrets}
    shared = shared_secrets(first, overrides, charts)
    return tuple(s.name for s in shared if held.get(s.name) != s.hashes)
