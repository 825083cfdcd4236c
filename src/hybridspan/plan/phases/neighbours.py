"""Other installations in the same cluster, in other namespaces: authority and definitions are theirs too.

A cluster has one `apigee-ca` and one set of Apigee's definitions, whatever its namespaces. What another installation lives
on is neither written over nor taken back.
"""

from __future__ import annotations

from typing import Final

from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.plan.model import Command, Decision, refused

SHARED: Final = (
    "a cluster has one apigee-ca for all its namespaces, and a root key that is written over is gone: take another cluster for this"
    " region (cluster.name in the topology file), or move the other installation out of this one"
)
_UNSEEN: Final = (
    "let the sign-in list apigeedatastores.apigee.cloud.google.com of all namespaces (Azure Kubernetes Service RBAC Cluster Admin"
    " may), then plan again"
)
_ONE_RELEASE: Final = (
    "definitions are the whole cluster's: bring that installation and this topology to the same release, or take another cluster for"
    " this region"
)


def beside(own: ApigeeFacts | None) -> str:
    """The namespaces of other installations, in words; empty where none is seen."""
    return ", ".join((own.elsewhere if own else None) or ())


def authority_kept(different: str, own: ApigeeFacts | None) -> Decision | None:
    """Where another authority is, or may be, that of another installation; None where it is nobody's."""
    if own is not None and own.elsewhere is None:
        return refused(
            f"{different}, and whether an installation of another namespace uses it is not seen", _UNSEEN
        )
    if others := beside(own):
        return refused(f"{different}, and the installation in namespace {others} uses it", SHARED)
    return None


def definitions_kept(decision: Decision, own: ApigeeFacts | None) -> Decision:
    """The decision about Apigee's definitions, refused where it would change those of another installation."""
    others = beside(own)
    if decision.is_done or not others:
        return decision
    used = f"the installation in namespace {others} uses those that are there"
    return refused(f"{decision.reason}; {used}", _ONE_RELEASE)


def undone(own: ApigeeFacts | None, *commands: Command) -> tuple[Command, ...]:
    """The way back; none where another installation would lose what it lives on."""
    return () if beside(own) else commands


def stays(own: ApigeeFacts | None) -> str:
    """Why there is no way back; empty where there is one."""
    return f"it stays: the installation in namespace {beside(own)} uses it too" if beside(own) else ""
