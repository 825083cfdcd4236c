"""Who we are to Azure: what the environment states, else the login of az, else what the machine itself is.

Nothing is asked of anybody here: a credential signs in when its first token is needed, and says then what is wrong.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal

from hybridspan.azure.cloud import AzureCloud

Source = Literal["environment", "workload-identity", "az", "default"]


def source(environment: Mapping[str, str], has_az_login: bool) -> Source:
    """Which credential is used. A stated one wins over a login that may have been made for something else."""
    named = environment.get("AZURE_CLIENT_ID") and environment.get("AZURE_TENANT_ID")
    if named and (environment.get("AZURE_CLIENT_SECRET") or environment.get("AZURE_CLIENT_CERTIFICATE_PATH")):
        return "environment"
    if named and environment.get("AZURE_FEDERATED_TOKEN_FILE"):
        return "workload-identity"
    return "az" if has_az_login else "default"


def is_logged_in(environment: Mapping[str, str]) -> bool:
    """Whether az is there and somebody has logged in with it."""
    folder = Path(environment.get("AZURE_CONFIG_DIR") or Path.home() / ".azure")
    return shutil.which("az") is not None and (folder / "azureProfile.json").is_file()


def credential(cloud: AzureCloud) -> Any:
    """The credential for that cloud; no request is made before its first token."""
    from azure import identity

    chosen = source(os.environ, is_logged_in(os.environ))
    if chosen == "az":
        return identity.AzureCliCredential(process_timeout=60)
    place: dict[str, Any] = {"authority": cloud.authority, "disable_instance_discovery": not cloud.is_public}
    if chosen == "environment":
        return identity.EnvironmentCredential(**place)
    if chosen == "workload-identity":
        return identity.WorkloadIdentityCredential(**place)
    return identity.DefaultAzureCredential(exclude_interactive_browser_credential=True, **place)


MARGIN_SECONDS: Final = 300
"""A token that ends sooner than this is not used any more."""


class SignIn:
    """One sign-in for all clients of a gateway, whatever their number and threads; az in particular is slow to ask.

    It is a token credential as the SDKs want it.
    """

    def __init__(self, cloud: AzureCloud) -> None:
        self._cloud = cloud
        self._lock = Lock()
        self._credential: Any = None
        self._tokens: dict[tuple[str, ...], Any] = {}

    def get_token_info(self, *scopes: str, options: Mapping[str, Any] | None = None) -> Any:
        """A token with its times; one that is still good is given again, unless the service asks for another."""
        with self._lock:
            known = self._tokens.get(scopes)
            if known is None or (options and options.get("claims")) or _is_ending(known):
                self._tokens[scopes] = known = self._opened().get_token_info(*scopes, options=options or {})
            return known

    def get_token(self, *scopes: str, **options: Any) -> Any:
        """The same for callers of the older kind."""
        from azure.core.credentials import AccessToken

        found = self.get_token_info(*scopes, options=options)
        return AccessToken(found.token, found.expires_on)

    def _opened(self) -> Any:
        if self._credential is None:
            self._credential = credential(self._cloud)
        return self._credential

    def close(self) -> None:
        """Let go of its connections."""
        if self._credential is not None:
            self._credential.close()


def _is_ending(token: Any) -> bool:
    now = time.time()
    return bool(token.expires_on - now < MARGIN_SECONDS or (token.refresh_on or now) < now)
