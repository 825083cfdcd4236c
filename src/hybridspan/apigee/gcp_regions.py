"""The region of Google Cloud that lies closest to an Azure location: overrides name one for each cluster.

Where a location is missing here, a new region keeps what the first region's file says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NEAREST: Final[Mapping[str, str]] = {
    "eastus": "us-east1",
    "eastus2": "us-east4",
    "centralus": "us-central1",
    "northcentralus": "us-central1",
    "southcentralus": "us-south1",
    "westus": "us-west2",
    "westus2": "us-west1",
    "westus3": "us-west4",
    "canadacentral": "northamerica-northeast2",
    "canadaeast": "northamerica-northeast1",
    "brazilsouth": "southamerica-east1",
    "northeurope": "europe-west1",
    "westeurope": "europe-west4",
    "uksouth": "europe-west2",
    "ukwest": "europe-west2",
    "francecentral": "europe-west9",
    "germanywestcentral": "europe-west3",
    "switzerlandnorth": "europe-west6",
    "italynorth": "europe-west8",
    "spaincentral": "europe-southwest1",
    "polandcentral": "europe-central2",
    "swedencentral": "europe-north2",
    "norwayeast": "europe-north1",
    "uaenorth": "me-central1",
    "qatarcentral": "me-central1",
    "israelcentral": "me-west1",
    "southafricanorth": "africa-south1",
    "centralindia": "asia-south1",
    "southindia": "asia-south1",
    "southeastasia": "asia-southeast1",
    "eastasia": "asia-east2",
    "japaneast": "asia-northeast1",
    "japanwest": "asia-northeast2",
    "koreacentral": "asia-northeast3",
    "australiaeast": "australia-southeast1",
    "australiasoutheast": "australia-southeast2",
}
