"""A stand-in for Azure's Resource Manager and its login, as unforgiving as the real one, on the loopback address.

It keeps documents, takes its time, and refuses what Azure refuses. Control planes and networks are not its business:
they are a `ClusterHost` and a listener.
"""

from hybridspan_lab.arm.context import Settings
from hybridspan_lab.arm.ports import ClusterDocument, ClusterHost, NodePool, NullHost, Progress
from hybridspan_lab.arm.reachability import network_from_documents
from hybridspan_lab.arm.server import ARM, CERTIFICATES, DESK, SUBSCRIPTIONS, create_app, serve

__all__ = [
    "ARM",
    "CERTIFICATES",
    "DESK",
    "SUBSCRIPTIONS",
    "ClusterDocument",
    "ClusterHost",
    "NodePool",
    "NullHost",
    "Progress",
    "Settings",
    "create_app",
    "network_from_documents",
    "serve",
]
