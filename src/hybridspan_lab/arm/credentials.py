"""Who may log in: service principals with a secret of their own per lab, kept in one 0600 file."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hybridspan.secrets import Secret
from hybridspan_lab.arm.documents import write_atomically

TENANT: Final = "5a7e0000-0000-4000-8000-00000000000a"
CLIENT: Final = "5a7e0000-0000-4000-8000-00000000000b"
SUBSCRIPTION: Final = "5a7e0000-0000-4000-8000-000000000001"
SECOND_SUBSCRIPTION: Final = "5a7e0000-0000-4000-8000-000000000002"


@dataclass(frozen=True, slots=True)
class Principal:
    """A service principal; its object id is what role assignments name."""

    client_id: str
    secret: Secret
    object_id: str
    federated_subject: str | None = None
    """With it, a client assertion (JWT) with that `sub` logs in too, as workload identity does."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """One tenant, its subscriptions and the principals that exist."""

    tenant: str
    subscriptions: tuple[str, ...]
    principals: tuple[Principal, ...]

    def principal(self, client_id: str) -> Principal | None:
        """The principal with that client id, whatever its case."""
        return next((p for p in self.principals if p.client_id == client_id.lower()), None)

    @property
    def owner(self) -> Principal:
        """The lab's own principal, Owner of every subscription."""
        return self.principals[0]


def object_id(client_id: str) -> str:
    """A stable object id for a client id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, client_id))


def ensure(folder: Path, subscriptions: Iterable[str] = ()) -> Credentials:
    """Reads the lab's credentials; the secret is drawn at the first use of a state folder.

    `subscriptions` come to those that the folder has already; they stay when the lab is started again without them.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / "credentials.json"
    drawn: dict[str, Any] = {"client_id": CLIENT, "client_secret": secrets.token_hex(24), "subscriptions": []}
    saved = json.loads(file.read_text()) if file.exists() else drawn
    known = distinct([*saved["subscriptions"], *subscriptions])
    if not file.exists() or known != saved["subscriptions"]:
        write_atomically(file, json.dumps({**saved, "subscriptions": known}))
    owner = Principal(
        saved["client_id"], Secret(saved["client_secret"]), object_id(saved["client_id"]), "hybridspan-lab"
    )
    # Those of a topology come first: az takes the first one of the list where nobody names another.
    return Credentials(TENANT, tuple(distinct([*known, SUBSCRIPTION, SECOND_SUBSCRIPTION])), (owner,))


def distinct(subscriptions: Iterable[str]) -> list[str]:
    """Each once, whatever its case, as it was written first."""
    first: dict[str, str] = {}
    for subscription in subscriptions:
        first.setdefault(subscription.lower(), subscription)
    return list(first.values())
