"""Azure's regions as far as the lab knows them, and which of them have availability zones."""

from __future__ import annotations

from typing import Final

from hybridspan_lab.arm.errors import ArmError

_ZONAL: Final = """
    australiaeast austriaeast belgiumcentral brazilsouth canadacentral centralindia centralus chilecentral denmarkeast
    eastasia eastus eastus2 francecentral germanywestcentral indiasouthcentral indonesiacentral israelcentral italynorth japaneast japanwest
    koreacentral malaysiawest mexicocentral newzealandnorth northeurope norwayeast polandcentral qatarcentral
    southafricanorth southcentralus southeastasia spaincentral swedencentral switzerlandnorth uaenorth uksouth
    westeurope westus2 westus3
"""
_OTHERS: Final = """
    australiacentral australiacentral2 australiasoutheast brazilsoutheast canadaeast jioindiacentral jioindiawest
    northcentralus southindia swedensouth westindia koreasouth ukwest westcentralus westus francesouth
    germanynorth norwaywest southafricawest switzerlandwest uaecentral
"""
ZONAL: Final = frozenset(_ZONAL.split())
ALL: Final = ZONAL | frozenset(_OTHERS.split())


def check_location(location: str, resource_type: str) -> str:
    """The location in Azure's short form; ARM's refusal for one that does not exist."""
    short = location.replace(" ", "").lower()
    if short not in ALL:
        message = (
            f"The provided location '{location}' is not available for resource type '{resource_type}'. "
            f"List of available regions for the resource type is '{','.join(sorted(ALL))}'."
        )
        raise ArmError(400, "LocationNotAvailableForResourceType", message)
    return short
