"""Who we are to Azure: what the environment states, else the login of az, else what the machine itself is.

Nothing is asked of anybody here: a credential signs in when its first token is needed, and says then what is wrong.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

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
