"""The cloud's metadata and its login: what `az cloud register`, MSAL and azure-identity ask before the first ARM call.

`/metadata/endpoints` and the two login paths need no bearer token. The token endpoint takes a client secret or a
federated client assertion and refuses with the AADSTS texts that people search for.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from aiohttp import web

from hybridspan.secrets import Secret
from hybridspan_lab.arm.credentials import Credentials, Principal
from hybridspan_lab.arm.providers.kubeconfigs import SERVER_APPLICATION
from hybridspan_lab.arm.tokens import EXCHANGE, ISSUER, TokenDesk

CLOCK_SKEW = 300.0
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class LoginRefused(Exception):
    """A refusal of the token endpoint."""

    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.error = error
        self.number = number
        self.text = text


class Login:
    """The login endpoints of one tenant."""

    def __init__(self, credentials: Credentials, desk: TokenDesk) -> None:
        self._credentials = credentials
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """The paths that need no bearer token."""
        return [
            web.get("/metadata/endpoints", self.metadata),
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self.openid_configuration),
            web.get("/{tenant}/.well-known/openid-configuration", self.openid_configuration),
            web.post("/{tenant}/oauth2/v2.0/token", self.token),
            web.post("/{tenant}/oauth2/token", self.token),
        ]

    async def metadata(self, request: web.Request) -> web.Response:
        """Endpoints of this cloud: one object since 2022-09-01, a list before."""
        document = _cloud(base_url(request))
        older = request.query.get("api-version", "") < "2022"
        return web.json_response([document] if older else document)

    async def openid_configuration(self, request: web.Request) -> web.Response:
        """The authority's description."""
        base, tenant = base_url(request), request.match_info["tenant"]
        try:
            self._check_tenant(tenant)
        except LoginRefused as refused:
            return _refusal(refused)
        return web.json_response(_openid(base, tenant, self._credentials.tenant))

    async def token(self, request: web.Request) -> web.Response:
        """An access token for a client secret or a federated assertion."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        base = base_url(request)
        try:
            self._check_tenant(request.match_info["tenant"])
            principal = self._authenticate(form)
            audience = _audience(form, base)
        except LoginRefused as refused:
            return _refusal(refused)
        token = self._desk.issue(principal, audience, f"{base}/{self._credentials.tenant}/")
        lifetime = self._desk.lifetime
        body = {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": token,
        }
        return web.json_response(body, headers={"Cache-Control": "no-store, no-cache"})

    def _check_tenant(self, tenant: str) -> None:
        if tenant.lower() not in (self._credentials.tenant, "organizations", "common"):
            text = f"AADSTS90002: Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
            raise LoginRefused(400, "invalid_tenant", 90002, text)

    def _authenticate(self, form: dict[str, str]) -> Principal:
        if form.get("grant_type") != "client_credentials":
            text = "AADSTS70003: The app requested an unsupported grant type."
            raise LoginRefused(400, "unsupported_grant_type", 70003, text)
        client = form.get("client_id", "")
        principal = self._credentials.principal(client)
        if principal is None:
            text = f"AADSTS700016: Application with identifier '{client}' was not found in the directory."
            raise LoginRefused(400, "unauthorized_client", 700016, text)
        if "client_assertion" in form:
            self._check_assertion(principal, form)
        elif "client_secret" not in form:
            text = "AADSTS7000218: The request body must contain: 'client_assertion' or 'client_secret'."
            raise LoginRefused(401, "invalid_client", 7000218, text)
        elif principal.secret != Secret(form["client_secret"]):
            text = (
                "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is "
                f"the client secret value, not the client secret ID, for a secret added to app '{client}'."
            )
            raise LoginRefused(401, "invalid_client", 7000215, text)
        return principal

    def _check_assertion(self, principal: Principal, form: dict[str, str]) -> None:
        claims = self._desk.assertion(form["client_assertion"])
        if form.get("client_assertion_type") != ASSERTION_TYPE or claims is None:
            text = "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered."
            raise LoginRefused(401, "invalid_client", 700027, text)
        now = time.time()
        if not float(claims.get("nbf", now)) <= now + CLOCK_SKEW or float(claims.get("exp", 0)) < now:
            text = "AADSTS700024: Client assertion is not within its valid time range."
            raise LoginRefused(401, "invalid_client", 700024, text)
        expected = {"iss": (ISSUER, 700211, "issuer"), "aud": (EXCHANGE, 700212, "audience")}
        expected["sub"] = (principal.federated_subject or "", 700213, "subject")
        for claim, (wanted, number, word) in expected.items():
            if not wanted or claims.get(claim) != wanted:
                text = (
                    f"AADSTS{number}: No matching federated identity record found for presented assertion {word} "
                    f"'{claims.get(claim)}'."
                )
                raise LoginRefused(401, "invalid_client", number, text)


def base_url(request: web.Request) -> str:
    """The server as this client calls it: `https://localhost:8443`."""
    return f"{request.scheme}://{request.host}"


def _audience(form: dict[str, str], base: str) -> str:
    """The resource that a token is asked for: this cloud's Resource Manager, its directory graph, or AKS's API servers."""
    scope = form.get("scope", "")
    if not form.get("resource") and not scope.split(" ")[0].endswith("/.default"):
        text = (
            "AADSTS1002012: The provided value for scope is not valid. Client credential flows must have a scope "
            "value with /.default suffixed to the resource identifier (application ID URI)."
        )
        raise LoginRefused(400, "invalid_scope", 1002012, text)
    wanted = form.get("resource") or scope.split(" ")[0].removesuffix("/.default")
    if wanted.rstrip("/") not in (base, f"{base}/graph", SERVER_APPLICATION):
        text = f"AADSTS500011: The resource principal named {wanted} was not found in the tenant named hybridspan lab."
        raise LoginRefused(400, "invalid_resource", 500011, text)
    return wanted


def _refusal(refused: LoginRefused) -> web.Response:
    body = {
        "error": refused.error,
        "error_description": refused.text,
        "error_codes": [refused.number],
        "timestamp": time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime()),
        "trace_id": str(uuid.uuid4()),
        "correlation_id": str(uuid.uuid4()),
    }
    return web.json_response(body, status=refused.status)


def _cloud(base: str) -> dict[str, Any]:
    return {
        "name": "HybridspanLab",
        "resourceManager": base,
        "portal": base,
        "gallery": base,
        "graph": f"{base}/graph",
        "graphAudience": f"{base}/graph",
        "microsoftGraphResourceId": f"{base}/graph/",
        "authentication": {
            "loginEndpoint": base,
            "audiences": [f"{base}/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "suffixes": {
            "storage": "core.lab.test",
            "keyVaultDns": "vault.lab.test",
            "acrLoginServer": "registry.lab.test",
            "sqlServerHostname": "database.lab.test",
        },
    }


def _openid(base: str, tenant: str, tenant_id: str) -> dict[str, Any]:
    return {
        "issuer": f"{base}/{tenant_id}/v2.0",
        "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{base}/{tenant}/discovery/v2.0/keys",
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["HS256"],
    }
