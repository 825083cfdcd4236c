"""A cluster's objects as last seen, reduced to what decisions need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CREDENTIALS: Final = "Cassandra credentials"
"""The purpose of a secret with the passwords that lie in the ring."""


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A pod: `address` is empty until it has one."""

    name: str
    namespace: str
    uid: str
    node: str
    address: str
    phase: str
    ready: bool
    restarts: int
    containers: tuple[str, ...]
    reason: str
    """Why a container waits or ended, in Kubernetes' words, or empty."""


@dataclass(frozen=True, slots=True)
class NodeObjectFacts:
    """A Kubernetes node."""

    name: str
    ready: bool
    address: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """A secret without its content: SHA-256 by key, and a certificate's fingerprint where it holds one."""

    name: str
    namespace: str
    type: str
    hashes: Mapping[str, str]
    certificate_fingerprint: str | None
    """SHA-256 of `tls.crt`'s first certificate, lower-case hex, or None."""
    purpose: str = ""
    """What it is for where regions share it (`Cassandra credentials`, `ingress TLS`…); empty for one of the cluster's own."""
    release: str = ""
    """The Helm release that made it, or empty: Helm makes it in another region from the same overrides, and takes no copy over."""
    application: str = ""
    """The Argo CD Application that it is of, or empty; where that installs a chart, the same holds as of a release's."""
    is_issued: bool = False
    """Whether cert-manager fills it, from a Certificate of that cluster."""


@dataclass(frozen=True, slots=True)
class ClusterObjects:
    """What one cluster has that matters for an Apigee region; empty collections where a thing is missing."""

    version: str
    nodes: tuple[NodeObjectFacts, ...]
    namespaces: frozenset[str]
    cert_manager_version: str | None
    certificate_authority: SecretFacts | None
    """`apigee-ca` in cert-manager's namespace, or None."""
    secrets: tuple[SecretFacts, ...]
    """Secrets of the Apigee namespace; those that regions share say what for."""
    storage_classes: tuple[str, ...]
    cassandra_pods: tuple[PodFacts, ...]
    cert_manager_ready: bool = False
    """Whether all of cert-manager's deployments are available."""
    cert_manager_parts: frozenset[str] | None = None
    """cert-manager's deployments and webhook configurations, by kind and name; None where the sign-in may not list them."""
    authority_issued_nodes: bool | None = None
    """Whether `apigee-ca` issued the certificate of Cassandra's nodes; None where either is not there."""
