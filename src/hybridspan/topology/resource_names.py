"""Names of Apigee's custom resources: they depend on organization and environment alone, so every region has the same.

A name is the first fifteen characters and seven digits of a SHA-256, so that it fits Kubernetes' limits.
"""

from __future__ import annotations

import hashlib


def organization_name(organization: str) -> str:
    """Name of the ApigeeOrganization: `apigee-hybrid-378710` → `apigee-hybrid-3-97e66ab`."""
    return f"{organization[:15]}-{_digest(organization)}"


def environment_name(organization: str, environment: str) -> str:
    """Name of the ApigeeEnvironment: `apigee-hybrid-378710`, `test2` → `apigee-hybrid-3-test2-5a04239`."""
    return f"{organization[:15]}-{environment[:15]}-{_digest(f'{organization}:{environment}')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:7]
