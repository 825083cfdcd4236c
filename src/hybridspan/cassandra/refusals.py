"""What the driver's exceptions mean: what may pass by itself, and what Cassandra refuses for good.

The driver has no one base class: what a node answers, what a connection suffers and what a coordinator reports are three families.
"""

from __future__ import annotations

from typing import Final

from cassandra import (
    AuthenticationFailed,
    CoordinationFailure,
    DriverException,
    OperationTimedOut,
    Timeout,
    Unauthorized,
    Unavailable,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy, ConnectionException, ProtocolError
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import (
    ErrorMessage,
    IsBootstrappingErrorMessage,
    OverloadedErrorMessage,
    ServerError,
)

from hybridspan.cassandra.credentials import Login
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure

NO_CONNECTION: Final = "HS-CASS-008"

TEMPORARY: Final = (
    NoHostAvailable,
    Unavailable,
    Timeout,
    OperationTimedOut,
    CoordinationFailure,
    ConnectionException,
    ConnectionBusy,
    NoConnectionsAvailable,
    OverloadedErrorMessage,
    IsBootstrappingErrorMessage,
    ServerError,
)
"""A node that is down, busy, starting or failing, and a connection that broke."""

FAILURES: Final = (*TEMPORARY, DriverException, ErrorMessage, ProtocolError)
"""All that the driver raises."""


def not_answered(error: Exception, statement: str, login: Login, where: str) -> HybridspanError:
    """What it means that a statement has no result."""
    why = f"{statement}: {_reason(error)}"
    if isinstance(error, TEMPORARY):
        return TemporaryFailure(
            "HS-CASS-005",
            "the node cannot answer a statement now",
            where=f"{where}, user {login.user}",
            why=why,
            hint="nodetool status shows which nodes are down, and the pods' logs what those that are up complain of",
        )
    if isinstance(error, Unauthorized):
        return PermanentFailure(
            "HS-CASS-006",
            f"user {login.user} may not do that",
            where=where,
            why=why,
            hint="admin_user must be a superuser, and ddl_user own Apigee's keyspaces: LIST ROLES and LIST ALL"
            " PERMISSIONS in cqlsh show what they have; grant it, then run again",
        )
    return PermanentFailure(
        "HS-CASS-007",
        "Cassandra refuses the statement",
        where=where,
        why=why,
        hint="nothing was changed by it. Where it speaks of a data center, compare the topology's names with"
        " nodetool status, letter by letter; then run again",
    )


def not_opened(error: Exception, statement: str, login: Login, where: str, secret: str) -> HybridspanError:
    """What it means that no session was opened; `statement` is the first one that it was asked."""
    why = _reason(error)
    if "Cannot achieve consistency level" in why or "Unable to perform authentication" in why:
        return TemporaryFailure(
            "HS-CASS-004",
            f"the node cannot find out whether the password of {login.user} is right",
            where=where,
            why=why,
            hint="system_auth has no live replica that the node may ask: look at nodetool status",
        )
    words = ("Bad credentials", "AuthenticationFailed", "and/or password are incorrect")
    if isinstance(error, AuthenticationFailed) or any(word in why for word in words):
        return PermanentFailure(
            "HS-CASS-003",
            f"Cassandra refuses the password of {login.user}",
            where=where,
            why=f"the password is that of secret {secret}: {why}",
            hint=f"compare the password in secret {secret} with the one that the database has",
        )
    if not isinstance(error, TEMPORARY):
        return not_answered(error, statement, login, where)
    return TemporaryFailure(
        NO_CONNECTION,
        "no CQL connection to the node",
        where=where,
        why=why,
        hint="the pod's log says whether Cassandra listens for clients",
    )


def _reason(error: Exception) -> str:
    """The driver's own words, without its list of one host."""
    causes = getattr(error, "errors", None)
    if isinstance(causes, dict) and causes:
        return "; ".join(sorted({str(cause) for cause in causes.values()}))
    return str(error) or type(error).__name__
