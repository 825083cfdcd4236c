"""Database users of an Apigee installation, from the one secret that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hybridspan.cassandra.ports import CREDENTIALS_SECRET
from hybridspan.errors import PermanentFailure
from hybridspan.secrets import Secret

Role = Literal["admin", "ddl", "dml", "jmx"]


@dataclass(frozen=True, slots=True)
class Login:
    """A user with its password."""

    user: str
    password: Secret
    secret: str = CREDENTIALS_SECRET
    """Name of the Kubernetes secret that it is from: `cassandra.auth.secret` may name another than the usual one."""


@dataclass(frozen=True, slots=True)
class DatabaseCredentials:
    """The logins by role: `admin` is the superuser, `ddl` owns Apigee's keyspaces, `jmx` is nodetool's."""

    logins: Mapping[str, Login]
    where: str
    secret: str = CREDENTIALS_SECRET
    kubectl: str = "kubectl"
    """What a command about the secret's namespace begins with, for messages."""

    def login(self, role: Role) -> Login:
        """The login of that role; PermanentFailure where the secret lacks it."""
        if role not in self.logins:
            raise PermanentFailure(
                "HS-CASS-001",
                f"the secret {self.secret} has no {role}.user and {role}.password",
                where=self.where,
                hint=f"{self.kubectl} describe secret {self.secret} shows which keys it has",
            )
        return self.logins[role]


def read_credentials(
    secret: Mapping[str, Secret | bytes],
    where: str,
    name: str = CREDENTIALS_SECRET,
    kubectl: str = "kubectl",
) -> DatabaseCredentials:
    """The logins of the `<role>.user` and `<role>.password` pairs of the secret of that name."""
    texts = {
        key: value.reveal() if isinstance(value, Secret) else value.decode() for key, value in secret.items()
    }
    roles = [key.removesuffix(".user") for key in texts if key.endswith(".user")]
    logins = {
        role: Login(texts[f"{role}.user"].strip(), Secret(texts[f"{role}.password"].strip()), name)
        for role in roles
        if f"{role}.password" in texts
    }
    return DatabaseCredentials(logins, where, name, kubectl)
