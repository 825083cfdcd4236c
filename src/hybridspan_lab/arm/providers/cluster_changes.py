"""What the PUT of a cluster that exists may ask for: Azure's refusals first, then the lab's own.

What is left out or empty is nothing asked for. What Azure would change and the lab cannot is refused in so many words:
an answer of 200 that changes nothing would teach something false.
"""

from __future__ import annotations

from typing import Any, Final

from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import ArmError, bad_request

FROZEN: Final = (
    "dnsPrefix",
    "nodeResourceGroup",
    "enableRBAC",
    "networkProfile.networkPlugin",
    "networkProfile.serviceCidr",
    "networkProfile.dnsServiceIP",
    "networkProfile.podCidr",
    "networkProfile.loadBalancerSku",
    "apiServerAccessProfile.enablePrivateCluster",
)
"""Azure changes none of these."""
TAKEN: Final = ("oidcIssuerProfile", "securityProfile", "autoUpgradeProfile", "disableLocalAccounts")
"""What the lab changes."""
JUDGED_ELSEWHERE: Final = ("agentPoolProfiles", "kubernetesVersion")
READ_ONLY: Final = (
    "provisioningState",
    "powerState",
    "currentKubernetesVersion",
    "maxAgentPools",
    "fqdn",
    "privateFQDN",
    "azurePortalFQDN",
    "resourceUID",
    "status",
)
"""Azure takes these in any body and does not look at them."""
_NOT_COMPARED: Final = frozenset((*TAKEN, *JUDGED_ELSEWHERE, *READ_ONLY))


def refuse(existing: Document, body: Document) -> None:
    """ArmError 400 for a change of the cluster, its pools apart, that Azure refuses or the lab does not make."""
    have, wanted = existing["properties"], body.get("properties") or {}
    _refuse_upgrade(have, wanted)
    for path in FROZEN:
        if difference(_dig(wanted, path), _dig(have, path), path):
            message = f"Changing property '{path}' is not allowed."
            raise ArmError(400, "PropertyChangeNotAllowed", message, target=path)
    _refuse_without_issuer(have, wanted)
    compared = {name: value for name, value in wanted.items() if name not in _NOT_COMPARED}
    identity = {"type": (body.get("identity") or {}).get("type")}
    for given, old, place in (
        (compared, have, "properties"),
        (body.get("sku"), existing["sku"], "sku"),
        (identity, existing["identity"], "identity"),
    ):
        if path := difference(given, old, place):
            message = f"The lab does not change {path} of a cluster that exists."
            raise ArmError(400, "OperationNotAllowed", message, target=path)


def difference(given: Any, old: Any, path: str) -> str:
    """The first place where what is asked for differs from what is, or empty."""
    if isinstance(given, dict):
        have = old if isinstance(old, dict) else {}
        found = (difference(value, have.get(name), f"{path}.{name}") for name, value in given.items())
        return next(filter(None, found), "")
    if given in (None, "") or (not given and not old):
        return ""
    return "" if str(given).lower() == str(old).lower() else path


def _refuse_upgrade(existing: Document, wanted: Document) -> None:
    """The lab's control planes are of one version each, for ever."""
    given = str(wanted.get("kubernetesVersion") or "")
    current = existing["kubernetesVersion"], existing["currentKubernetesVersion"]
    if given and given not in current:
        message = f"The lab does not upgrade clusters: this one stays at {current[1]}, {given} was asked for."
        raise ArmError(400, "OperationNotAllowed", message, target="kubernetesVersion")


def _refuse_without_issuer(existing: Document, wanted: Document) -> None:
    """An issuer of tokens, once there, is there for good."""
    given = wanted.get("oidcIssuerProfile") or {}
    if given.get("enabled") is False and existing["oidcIssuerProfile"]["enabled"]:
        raise bad_request("OIDCIssuerFeatureCannotBeDisabled", "OIDC issuer feature cannot be disabled.")


def _dig(properties: Document, path: str) -> Any:
    found: Any = properties
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
