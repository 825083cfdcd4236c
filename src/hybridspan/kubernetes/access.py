"""One API server: authenticated requests and WebSockets over the official client's connection pool.

Certificates and keys of the kubeconfig stay in memory (anonymous files of this process), never in a temporary folder.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.kube_config import KubeConfigLoader

from hybridspan.errors import InputError, PermanentFailure, TemporaryFailure
from hybridspan.kubernetes.failures import refusal, unreachable

Document = dict[str, Any]

REQUEST_SECONDS: Final = 60.0
HEARTBEAT_SECONDS: Final = 30.0
PLUGIN_SECONDS: Final = 60.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Access:
    """An open connection pool to the API server of a kubeconfig document of one context."""

    def __init__(self, document: Document, name: str) -> None:
        self.document = document
        self.name = name
        self._files: list[int] = []
        self._configuration = Configuration()
        self._rest: RESTClientObject | None = None
        self._renewing = asyncio.Lock()

    @property
    def kubectl(self) -> str:
        """What a person's command about this cluster begins with."""
        return shlex.join(("kubectl", "--context", str(self.document.get("current-context") or self.name)))

    async def open(self) -> None:
        """Read the credentials (a plug-in such as kubelogin may run) and build the pool; connects to nothing."""
        await self._authenticate()
        self._configuration.connection_pool_maxsize = 0
        self._configuration.client_session_kwargs = {"trust_env": self._may_use_proxy()}
        try:
            self._rest = RESTClientObject(self._configuration)
        except OSError as error:  # an authority or certificate in it that is none
            raise self._unusable(error) from error

    async def close(self) -> None:
        if self._rest is not None:
            await self._rest.close()
            # aiohttp closes TLS transports in the next turns of the loop.
            await asyncio.sleep(0)
            self._rest = None
        for descriptor in self._files:
            os.close(descriptor)
        self._files.clear()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        where: str = "",
        seconds: float = REQUEST_SECONDS,
    ) -> Any:
        """The answer's JSON document (or text); None for 404, failures for everything else that is no success."""
        used = self._headers()
        status, answer, retry_after = await self._answer(
            method, path, query, body, content_type, where, seconds
        )
        if status == 401:
            await self._renew(used)
            status, answer, retry_after = await self._answer(
                method, path, query, body, content_type, where, seconds
            )
        if status == 404 and method in ("GET", "DELETE"):
            return None
        if status >= 400:
            raise refusal(status, answer, self._place(where), self.kubectl, retry_after)
        return answer

    async def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        content_type: str,
        where: str,
        seconds: float,
    ) -> tuple[int, Any, str | None]:
        headers = self._headers() | {"Accept": "application/json", "Content-Type": content_type}
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            response = await self._pool().request(
                method, self._url(path, query), headers=headers, body=body, _request_timeout=timeout
            )
            content = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise unreachable(error, self._place(where)) from error
        return response.status, _decoded(content), response.headers.get("Retry-After")

    async def websocket(
        self, path: str, query: Sequence[tuple[str, str]], protocols: tuple[str, ...], where: str
    ) -> aiohttp.ClientWebSocketResponse:
        """An open WebSocket on a sub-resource; failures as for requests, and a token that has run out is renewed as for them."""
        used = self._headers()
        try:
            try:
                return await self._connected(path, query, protocols)
            except aiohttp.WSServerHandshakeError as error:
                if error.status != 401:
                    raise
            await self._renew(used)
            return await self._connected(path, query, protocols)
        except aiohttp.WSServerHandshakeError as error:
            raise refusal(error.status, error.message, self._place(where), self.kubectl) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise unreachable(error, self._place(where)) from error

    async def _connected(
        self, path: str, query: Sequence[tuple[str, str]], protocols: tuple[str, ...]
    ) -> aiohttp.ClientWebSocketResponse:
        pool = self._pool()
        if pool.pool_manager is None:
            pool.pool_manager = pool._create_pool_manager()  # noqa: SLF001  # as the client's own stream module does
        extra = {"proxy": pool.proxy} if pool.proxy else {}
        if self._configuration.tls_server_name:
            extra["server_hostname"] = self._configuration.tls_server_name
        socket: aiohttp.ClientWebSocketResponse = await pool.pool_manager.ws_connect(
            self._url(path, query),
            headers=self._headers(),
            protocols=protocols,
            heartbeat=HEARTBEAT_SECONDS,
            max_msg_size=0,
            **extra,
        )
        return socket

    def _pool(self) -> Any:
        if self._rest is None:
            raise PermanentFailure(
                "HS-KUBE-002",
                "the connection to the cluster is closed",
                where=self.name,
                hint="run the command again: it connects anew and goes on where the world is",
            )
        return self._rest

    def _url(self, path: str, query: Mapping[str, str] | Sequence[tuple[str, str]] | None) -> str:
        tail = f"?{urlencode(query)}" if query else ""
        return f"{self._configuration.host.rstrip('/')}{path}{tail}"

    def _place(self, where: str) -> str:
        return f"{self.name}, {where}" if where else self.name

    def _headers(self) -> dict[str, str]:
        token = self._configuration.api_key.get("BearerToken")
        return {"Authorization": token} if token else {}

    def _may_use_proxy(self) -> bool:
        # Like kubectl: a proxy of the environment is never used for this machine itself.
        return urlsplit(self._configuration.host).hostname not in _LOOPBACK

    async def _renew(self, used: Mapping[str, str]) -> None:
        """Other credentials than those that were used; where many met the same refusal, the first one fetches them for all."""
        async with self._renewing:
            if self._headers() != used:
                return
            try:
                await self._authenticate()
            except InputError as error:
                # It worked when the run began: an hour later the plug-in may not reach Entra for a moment.
                raise TemporaryFailure(
                    "HS-KUBE-017",
                    "the sign-in has run out and cannot be renewed now",
                    where=self.name,
                    why=" ".join(filter(None, (f"{error.message}.", error.why))),
                    hint=error.hint,
                ) from error

    async def _authenticate(self) -> None:
        document = copy.deepcopy(self.document)
        cluster = document["clusters"][0]["cluster"]
        user = document["users"][0]["user"] if document["users"] else {}
        authority = cluster.pop("certificate-authority-data", None)
        certificate, key = user.pop("client-certificate-data", None), user.pop("client-key-data", None)
        plugin = user.get("exec") or {}
        if problem := plugin_problem(plugin):
            raise InputError("HS-KUBE-013", problem, where=self.name, hint=_plugin_hint(plugin))
        # Without the token that has run out: the client keeps an old one where none comes.
        fresh = Configuration()
        try:
            loader: Any = KubeConfigLoader(document)  # type: ignore[no-untyped-call]
            async with asyncio.timeout(PLUGIN_SECONDS):
                await loader.load_and_set(fresh)
        except TimeoutError as error:
            message = f"the login plug-in {plugin.get('command', '')} does not come to an end"
            raise InputError("HS-KUBE-013", message, where=self.name, hint=_plugin_hint(plugin)) from error
        except (ConfigException, OSError, ValueError) as error:
            raise self._unusable(error) from error
        if plugin and not fresh.api_key.get("BearerToken") and not fresh.cert_file:
            # The client swallows what the plug-in said.
            message = f"the login plug-in {plugin.get('command')} gives no token"
            raise InputError("HS-KUBE-013", message, where=self.name, hint=_plugin_hint(plugin))
        if self._rest is None:
            self._configuration = fresh
            self._trust(authority, certificate, key)
        self._configuration.api_key = fresh.api_key

    def _unusable(self, error: Exception) -> InputError:
        hint = "run kubectl with this context: the same credentials must work there"
        return InputError(
            "HS-KUBE-009", "the kubeconfig cannot be used", where=self.name, why=str(error), hint=hint
        )

    def _trust(self, authority: str | None, certificate: str | None, key: str | None) -> None:
        if authority:
            self._configuration.ssl_ca_cert = self._in_memory("authority", authority)
        if certificate and key:
            self._configuration.cert_file = self._in_memory("certificate", certificate)
            self._configuration.key_file = self._in_memory("key", key)

    def _in_memory(self, name: str, encoded: str) -> str:
        """The path of an anonymous file: TLS libraries load certificates from paths only."""
        descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
        self._files.append(descriptor)
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(base64.b64decode(encoded))
        return f"/proc/self/fd/{descriptor}"


def plugin_problem(plugin: Mapping[str, Any]) -> str:
    """Why a login plug-in cannot be used in a run, in words; empty where it can, or where there is none."""
    command = str(plugin.get("command") or "")
    if command and shutil.which(command) is None:
        return f"the cluster takes tokens of {command} only, and {command} is not on the PATH"
    asks = {"devicecode", "interactive"} & {str(argument) for argument in plugin.get("args") or ()}
    if command.endswith("kubelogin") and asks:
        return f"the context's login ({asks.pop()}) asks a person at a browser, and nobody is asked in a run"
    return ""


def _plugin_hint(plugin: Mapping[str, Any]) -> str:
    if str(plugin.get("command") or "").endswith("kubelogin"):
        return (
            "az aks install-cli brings kubelogin; kubelogin convert-kubeconfig -l azurecli (or spn) converts a context; "
            "or leave cluster.context out"
        )
    return "run kubectl with this context: it shows what the plug-in says"


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
