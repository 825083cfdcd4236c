"""Access tokens: JWTs signed with a key of the state folder, checked on every request, gone after their lifetime."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hybridspan_lab.arm.credentials import Principal
from hybridspan_lab.arm.documents import write_atomically

EXCHANGE: Final = "api://AzureADTokenExchange"
ISSUER: Final = "https://oidc.lab.test/cluster"
"""Whose service account tokens the lab's principals trust."""


class TokenRefused(Exception):
    """The bearer token is not ours, or too old; `code` is what ARM calls it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who a valid token speaks for."""

    client_id: str
    object_id: str


class TokenDesk:
    """Issues and checks tokens; `lifetime` in seconds."""

    def __init__(self, folder: Path, tenant: str, lifetime: int = 3600) -> None:
        file = folder / "token.key"
        if not file.exists():
            write_atomically(file, secrets.token_hex(32))
        self._key = bytes.fromhex(file.read_text())
        self._tenant = tenant
        self.lifetime = lifetime

    def issue(self, principal: Principal, audience: str, issuer: str) -> str:
        """An access token for that principal."""
        now = int(time.time())
        return self._sign(
            {
                "aud": audience,
                "iss": issuer,
                "iat": now,
                "nbf": now,
                "exp": now + self.lifetime,
                "appid": principal.client_id,
                "oid": principal.object_id,
                "sub": principal.object_id,
                "tid": self._tenant,
                "idtyp": "app",
                "ver": "1.0",
                "uti": secrets.token_hex(8),
            }
        )

    def federated_token(
        self, principal: Principal, *, lifetime: int = 3600, audience: str = EXCHANGE, issuer: str = ISSUER
    ) -> str:
        """What a cluster's service account token would be: a client assertion for workload identity."""
        now = int(time.time())
        claims = {"iss": issuer, "aud": audience, "sub": principal.federated_subject}
        return self._sign({**claims, "iat": now, "nbf": now, "exp": now + lifetime})

    def assertion(self, assertion: str) -> dict[str, Any] | None:
        """The claims of a client assertion, None if its signature is nobody's."""
        try:
            return self._claims(assertion)
        except TokenRefused:
            return None

    def check(self, token: str, audience: str) -> Bearer:
        """Who the token speaks for; TokenRefused with ARM's code otherwise."""
        claims = self._claims(token)
        if claims.get("exp", 0) < time.time():
            ended = time.strftime("%m/%d/%Y %I:%M:%S %p", time.gmtime(claims.get("exp", 0)))
            raise TokenRefused(
                "ExpiredAuthenticationToken",
                f"The access token expiry UTC time '{ended}' is earlier than current UTC time.",
            )
        if "appid" not in claims or "oid" not in claims:
            raise TokenRefused("InvalidAuthenticationToken", "The access token is invalid.")
        if str(claims.get("aud", "")).rstrip("/") != audience:
            raise TokenRefused(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{claims.get('aud')}'. It should "
                f"exactly match with one of the allowed audiences '{audience}/'.",
            )
        return Bearer(claims["appid"], claims["oid"])

    def _sign(self, claims: dict[str, Any]) -> str:
        head = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
        return f"{head}.{self._signature(head)}"

    def _signature(self, head: str) -> str:
        return _text(hmac.digest(self._key, head.encode(), hashlib.sha256))

    def _claims(self, token: str) -> dict[str, Any]:
        head, _, signature = token.rpartition(".")
        if not head or not hmac.compare_digest(signature.encode(), self._signature(head).encode()):
            raise TokenRefused("InvalidAuthenticationToken", "The access token is invalid.")
        body = head.partition(".")[2]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims


def _encode(document: dict[str, Any]) -> str:
    return _text(json.dumps(document, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
