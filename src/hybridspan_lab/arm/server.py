"""Puts the Resource Manager together and serves it over HTTPS on the loopback address."""

from __future__ import annotations

import socket
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from hybridspan_lab.arm import certificates, credentials
from hybridspan_lab.arm.access import AccessList
from hybridspan_lab.arm.context import Arm, NetworkListener, Settings
from hybridspan_lab.arm.credentials import Credentials
from hybridspan_lab.arm.documents import DocumentStore
from hybridspan_lab.arm.faults import FaultTable
from hybridspan_lab.arm.gateway import Gateway
from hybridspan_lab.arm.login import Login
from hybridspan_lab.arm.operations import Operations
from hybridspan_lab.arm.ports import ClusterHost
from hybridspan_lab.arm.providers.agent_pools import AgentPools
from hybridspan_lab.arm.providers.authorization import RoleAssignments, RoleDefinitions, assignment
from hybridspan_lab.arm.providers.catalogue import Catalogue
from hybridspan_lab.arm.providers.clusters import ManagedClusters
from hybridspan_lab.arm.providers.kind import Kind
from hybridspan_lab.arm.providers.networks import VirtualNetworks
from hybridspan_lab.arm.providers.peerings import Peerings
from hybridspan_lab.arm.providers.resources import ResourceGroups
from hybridspan_lab.arm.providers.security_groups import SecurityGroups, SecurityRules
from hybridspan_lab.arm.providers.subnets import Subnets
from hybridspan_lab.arm.providers.subscriptions import Subscriptions
from hybridspan_lab.arm.request_journal import RequestJournal
from hybridspan_lab.arm.roles import ROLES
from hybridspan_lab.arm.tokens import TokenDesk

ARM: Final = web.AppKey("arm", Arm)
CERTIFICATES: Final = web.AppKey("certificates", certificates.Certificates)
DESK: Final = web.AppKey("desk", TokenDesk)
SUBSCRIPTIONS: Final = web.AppKey("subscriptions", Subscriptions)
URL_BYTES: Final = 16 * 1024
"""Operation URLs are long; Azure says to accept 4 kB."""


def create_app(
    state_dir: Path,
    host: ClusterHost,
    on_network_change: NetworkListener,
    *,
    credentials: Credentials | None = None,
    subscriptions: Sequence[str] = (),
    settings: Settings | None = None,
    clock_scale: float | None = None,
) -> web.Application:
    """The Resource Manager as an application; what it knows lies in `state_dir` and outlives it.

    Without `credentials` the state folder's own are used (drawn at the first use); they are the owner of these
    `subscriptions` besides those that the folder has. `clock_scale` overrides the one of `settings`.
    """
    chosen = settings or Settings()
    scale = chosen.clock_scale if clock_scale is None else clock_scale
    who = credentials or credentials_of(state_dir, subscriptions)
    store = DocumentStore(state_dir / "documents")
    arm = Arm(
        store=store,
        operations=Operations(state_dir / "operations", scale),
        faults=FaultTable(),
        credentials=who,
        host=host,
        settings=chosen,
        listener=on_network_change,
        access=AccessList(store),
    )
    _grant_owner(arm)
    desk = TokenDesk(state_dir, who.tenant, chosen.token_lifetime)
    return _assemble(arm, desk, state_dir)


def credentials_of(state_dir: Path, subscriptions: Sequence[str] = ()) -> Credentials:
    """The credentials of a state folder, which has these subscriptions from now on."""
    return credentials.ensure(state_dir, subscriptions)


def _assemble(arm: Arm, desk: TokenDesk, state_dir: Path) -> web.Application:
    kinds = _kinds(arm)
    for kind in kinds.values():
        arm.operations.actions.update(kind.actions())
    arm.operations.load()
    subscriptions = Subscriptions(arm)
    journal = RequestJournal(state_dir / "requests.jsonl")
    gateway = Gateway(arm, kinds, subscriptions, Catalogue(arm), desk, journal)
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app[ARM], app[DESK], app[SUBSCRIPTIONS] = arm, desk, subscriptions
    app[CERTIFICATES] = certificates.ensure(state_dir)
    app.add_routes(Login(arm.credentials, desk).routes())
    app.router.add_route("*", "/{path:.*}", gateway.handle)

    async def life(_: web.Application) -> AsyncIterator[None]:
        arm.operations.resume()
        yield
        await arm.operations.close()
        journal.close()

    app.cleanup_ctx.append(life)
    return app


def _kinds(arm: Arm) -> dict[str, Kind]:
    networks, subnets, peerings = VirtualNetworks(arm), Subnets(arm), Peerings(arm)
    networks.arm_kinds = {"subnets": subnets, "virtualNetworkPeerings": peerings}
    kinds: list[Kind] = [
        networks,
        subnets,
        peerings,
        SecurityGroups(arm),
        SecurityRules(arm),
        ManagedClusters(arm),
        AgentPools(arm),
        ResourceGroups(arm),
        RoleDefinitions(arm),
        RoleAssignments(arm),
    ]
    return {kind.type.lower(): kind for kind in kinds}


def _grant_owner(arm: Arm) -> None:
    """The lab's first principal owns every subscription, as the person who made the subscription would."""
    owner = ROLES[0].to_document()["id"]
    for subscription in arm.credentials.subscriptions:
        scope = f"/subscriptions/{subscription}"
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"owner of {scope}".lower())
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        if arm.store.get(path) is None:
            arm.store.put(path, assignment(path, scope, owner, arm.credentials.owner.object_id))


async def serve(app: web.Application, listening: socket.socket | None = None) -> tuple[str, web.AppRunner]:
    """Serves on a listening socket, or on any port of 127.0.0.1; gives the base URL and the runner to `cleanup()`."""
    runner = web.AppRunner(app, access_log=None, max_line_size=URL_BYTES, max_field_size=URL_BYTES)
    await runner.setup()
    listening = listening or socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening, ssl_context=app[CERTIFICATES].server_context()).start()
    return f"https://localhost:{listening.getsockname()[1]}", runner
