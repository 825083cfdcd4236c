"""Agent pools' documents: what AKS fills in, what may not be, and what may not change."""

from __future__ import annotations

import re
import uuid
from copy import deepcopy
from typing import Final

from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import ArmError, bad_request
from hybridspan_lab.arm.locations import ZONAL
from hybridspan_lab.arm.providers import cluster_words, machines
from hybridspan_lab.arm.providers.lists import checked_tags

TYPE: Final = "Microsoft.ContainerService/managedClusters/agentPools"
NAME: Final = re.compile(r"[a-z][a-z0-9]{0,11}")
RESERVED_LABEL: Final = "kubernetes.azure.com/"
DEFAULT_SIZE: Final = "Standard_D8ds_v5"
DEFAULT_MAX_PODS: Final = {"overlay": 250, "azure": 30, "kubenet": 110, "none": 250}
FROZEN: Final = ("vmSize", "maxPods", "vnetSubnetID", "podSubnetID", "osType", "availabilityZones")
CHANGED: Final = (
    "count",
    "minCount",
    "maxCount",
    "enableAutoScaling",
    "nodeLabels",
    "nodeTaints",
    "tags",
    "mode",
)


def first_pools(cluster: Document, given: list[Document]) -> list[Document]:
    """The pools that a cluster is made with; at least one of them carries the system."""
    pools = [new_pool(cluster, pool, None) for pool in given]
    require_system(pools)
    if len({pool["name"] for pool in pools}) < len(pools):
        raise bad_request(
            "InvalidParameter", "Agent pool names must be unique.", target="agentPoolProfile.name"
        )
    return pools


def require_system(pools: list[Document]) -> None:
    """ArmError 400 unless one of the pools carries the system."""
    if not any(pool["properties"]["mode"] == "System" and pool["properties"]["count"] > 0 for pool in pools):
        message = "Must define at least one system pool."
        raise bad_request("InvalidParameter", message, target="agentPoolProfile.mode")


def new_pool(cluster: Document, given: Document, existing: Document | None) -> Document:
    """An agent pool's document; ArmError for what may not be or may not change."""
    name = str(given.get("name") or "")
    if not NAME.fullmatch(name):
        message = (
            f"The value of parameter agentPoolProfile.name is invalid: '{name}'. It must begin with a lower case "
            "letter, have only lower case letters and digits, and be at most 12 characters long."
        )
        raise bad_request("InvalidParameter", message, target="agentPoolProfile.name")
    given = {field: value for field, value in given.items() if field != "name" and value not in (None, "")}
    if existing is not None:
        return _changed_pool(cluster, existing, given)
    profile = cluster["properties"]["networkProfile"]
    version = cluster["properties"]["currentKubernetesVersion"]
    properties: Document = {
        "count": 1,
        "vmSize": DEFAULT_SIZE,
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "kubeletDiskType": "OS",
        "maxPods": default_max_pods(profile),
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": False,
        "scaleDownMode": "Delete",
        "enableNodePublicIP": False,
        "mode": "User",
        "osType": "Linux",
        "osSKU": "Ubuntu",
        "upgradeSettings": {"maxSurge": "10%", "maxUnavailable": "0"},
        "enableFIPS": False,
        **given,
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "orchestratorVersion": given.get("orchestratorVersion") or cluster["properties"]["kubernetesVersion"],
        "currentOrchestratorVersion": version,
        "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202509.18.0",
        "eTag": str(uuid.uuid4()),
    }
    _check_pool(cluster, name, properties)
    return _pool_document(cluster, name, properties)


def _pool_document(cluster: Document, name: str, properties: Document) -> Document:
    return {
        "id": f"{cluster['id']}/agentPools/{name}",
        "name": name,
        "type": TYPE,
        "properties": properties,
    }


def _changed_pool(cluster: Document, existing: Document, given: Document) -> Document:
    old = existing["properties"]
    for field in FROZEN:
        if field in given and field in old and str(given[field]).lower() != str(old[field]).lower():
            message = f"Changing property 'properties.{field}' is not allowed."
            raise ArmError(400, "PropertyChangeNotAllowed", message, target=f"properties.{field}")
    properties = {**old, **{field: given[field] for field in CHANGED if field in given}}
    properties.update(provisioningState="Updating", eTag=str(uuid.uuid4()))
    _check_pool(cluster, existing["name"], properties)
    return _pool_document(cluster, existing["name"], properties)


def _check_pool(cluster: Document, name: str, properties: Document) -> None:
    machines.check_size(properties["vmSize"], cluster["location"])
    cluster_words.check_pool(name, properties)
    checked_tags(properties.get("tags") or {})
    cluster_words.check_pool_version(cluster, name, str(properties.get("orchestratorVersion") or ""))
    count, pods = properties["count"], properties["maxPods"]
    least = 1 if properties["mode"] == "System" else 0
    if not isinstance(count, int) or not least <= count <= 1000:
        message = f"The value of parameter agentPoolProfile.count is invalid: {count}."
        raise bad_request("InvalidParameter", message, target="agentPoolProfile.count")
    if not isinstance(pods, int) or not 10 <= pods <= 250:
        message = (
            f"The value of parameter agentPoolProfile.maxPods is invalid: {pods}. It must be from 10 to 250."
        )
        raise bad_request("InvalidParameter", message, target="agentPoolProfile.maxPods")
    for label in properties.get("nodeLabels") or {}:
        if str(label).lower().startswith(RESERVED_LABEL):
            message = (
                f"The node label {label} of pool {name} is invalid: the prefix {RESERVED_LABEL} is AKS's own."
            )
            raise bad_request("InvalidParameter", message, target="agentPoolProfile.nodeLabels")
    zones = [str(zone) for zone in properties.get("availabilityZones") or []]
    if zones and (cluster["location"] not in ZONAL or any(zone not in ("1", "2", "3") for zone in zones)):
        message = (
            f"Preflight validation check for resource(s) of pool {name} failed: availability zones {zones} are not "
            f"supported in {cluster['location']}."
        )
        raise bad_request(
            "AvailabilityZoneNotSupported", message, target="agentPoolProfile.availabilityZones"
        )


def default_max_pods(profile: Document) -> int:
    """Pods a node when nobody says: 30 where each takes an address of the network."""
    overlay = profile.get("networkPluginMode") == "overlay"
    return DEFAULT_MAX_PODS["overlay" if overlay else str(profile["networkPlugin"])]


def profile(pool: Document) -> Document:
    """A pool as it stands in its cluster's `agentPoolProfiles`."""
    return {"name": pool["name"], **deepcopy(pool["properties"])}


def changed_pools(cluster: Document, existing: list[Document], wanted: list[Document]) -> list[Document]:
    """The pools that a cluster's PUT changes, as `az aks scale` does; ArmError 400 when it adds or drops some, or changes what stays."""
    have, changed = {pool["name"].lower(): pool for pool in existing}, []
    for pool in wanted:
        old = have.get(str(pool.get("name", "")).lower())
        if old is None:
            message = (
                "A new agent pool was introduced. Adding agent pools to an existing cluster is not allowed through "
                "managed cluster operations. For agent pool specific change, please use per agent pool operations: "
                "https://aka.ms/agent-pool-rest-api"
            )
            raise bad_request("BadRequest", message)
        for field in FROZEN:
            if (
                pool.get(field) not in (None, "")
                and str(pool[field]).lower() != str(old["properties"].get(field)).lower()
            ):
                message = f"Changing property 'properties.agentPoolProfiles.{field}' is not allowed."
                raise ArmError(400, "PropertyChangeNotAllowed", message, target=f"agentPoolProfiles.{field}")
        if any(pool.get(field) not in (None, "", old["properties"].get(field)) for field in CHANGED):
            changed.append(new_pool(cluster, pool, old))
    missing = set(have) - {str(pool.get("name", "")).lower() for pool in wanted}
    if missing:
        message = f"Agent pool(s) {', '.join(sorted(missing))} missing: pools cannot be removed through managed cluster operations."
        raise bad_request("BadRequest", message)
    return changed
