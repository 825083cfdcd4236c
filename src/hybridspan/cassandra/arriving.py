"""Whether a data center's nodes know the database users yet: until system_auth has been repaired there they call right passwords wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

from hybridspan.cassandra.credentials import DatabaseCredentials, Role
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.errors import HybridspanError

REFUSED: Final = "HS-CASS-003"
_ADMIN: Final[tuple[Role, ...]] = ("admin",)


async def users_to_come(
    target: CassandraRegion, source: CassandraRegion, roles: Collection[Role] = _ADMIN
) -> bool:
    """Whether passwords that the target refused are right all the same: its secret has the source's, which let the users in now.

    There is one record of users in a ring, so the target's nodes have not received it. False where that cannot be found out.
    """
    if target.region.name == source.region.name:
        return False
    try:
        own, accepted = await asyncio.gather(target.credentials(), source.credentials())
        if any(_pair(own, role) != _pair(accepted, role) for role in roles):
            return False
        for role in roles:
            await source.any_pod(lambda pod, r=role: source.log_in(pod, r))  # type: ignore[misc]
    except HybridspanError:
        return False
    return True


def _pair(credentials: DatabaseCredentials, role: Role) -> tuple[str, object]:
    login = credentials.login(role)
    return login.user, login.password
