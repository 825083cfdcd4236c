"""Every name in every document that we send or export is one that Azure's published models have, and may be written.

The models are those of Microsoft's own SDKs, generated from the specifications; what they require is stated here beside.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
from azure.mgmt.containerservice import models as aks
from azure.mgmt.network import models as net
from azure.mgmt.resource.resources import models as arm

from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import SecurityRuleFacts
from tests.azure.regions import CENTRAL
from tests.azure.test_gateway import LIKE

MARKS = bodies.tags("two-regions", CENTRAL)
ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v"
PLACE = bodies.Placement(f"{ID}/subnets/nodes", f"{ID}/subnets/pods")
ONE = SecurityRuleFacts(
    "r", 100, "Inbound", "Allow", "Tcp", ("10.0.0.0/26",), ("*",), ("10.1.0.0/26",), ("7001",)
)
SEVERAL = replace(ONE, sources=("10.0.0.0/26", "10.2.0.0/26"), destination_ports=("7000", "7001"))
OVERLAY = replace(LIKE, network_plugin_mode="overlay")
WIDE = replace(CENTRAL, cluster=replace(CENTRAL.cluster, pod_cidr=CENTRAL.network.address_prefixes[0]))
ALREADY = {
    "properties": {**bodies.peering(ID)["properties"], "peeringState": "Connected", "resourceGuid": "x"}
}
POOL = {"properties": {**bodies.pool(CENTRAL.cluster.node_pools[1], PLACE, MARKS)["properties"]}}
DOCUMENTS: Final = {
    "group": (arm, "ResourceGroup", bodies.group(CENTRAL, MARKS)),
    "network": (net, "VirtualNetwork", bodies.network(CENTRAL, MARKS)),
    "subnet": (net, "Subnet", bodies.subnet(CENTRAL.network.subnet)),
    "peering": (net, "VirtualNetworkPeering", bodies.peering(ID)),
    "peering again": (net, "VirtualNetworkPeering", bodies.peering_again(ALREADY)),
    "rule": (net, "SecurityRule", bodies.rule(ONE)),
    "rule with lists": (net, "SecurityRule", bodies.rule(SEVERAL)),
    "cluster": (aks, "ManagedCluster", bodies.cluster(CENTRAL, PLACE, LIKE, MARKS)),
    "overlay cluster": (aks, "ManagedCluster", bodies.cluster(WIDE, PLACE, OVERLAY, MARKS)),
    "pool": (aks, "AgentPool", bodies.pool(CENTRAL.cluster.node_pools[0], PLACE, MARKS)),
    "raised pool": (aks, "AgentPool", bodies.raised_pool(POOL, CENTRAL.cluster.node_pools[0])),
}
REQUIRED: Final = {
    "group": ("location",),
    "network": ("location",),
    "rule": tuple(f"properties.{name}" for name in ("access", "direction", "priority", "protocol")),
    "cluster": ("location", "properties.dnsPrefix", "properties.agentPoolProfiles"),
}


def strange(models: Any, name: str, document: Any, path: str = "") -> Iterator[str]:
    """Paths of what the model does not have, or has only for reading."""
    if isinstance(document, list):
        for item in document:
            yield from strange(models, name, item, path)
    if not isinstance(document, Mapping):
        return
    model = getattr(models, name)
    fields = {field._rest_name: (own, field) for own, field in model()._attr_to_rest_field.items()}
    for key, value in document.items():
        here = f"{path}.{key}".lstrip(".")
        own, field = fields.get(key, ("", None))
        if field is None:
            yield here
        elif field._visibility == ["read"] and key != "name":
            yield f"{here} (read-only)"
        elif inner := re.search(r"_models\.(\w+)", _annotation(model, own)):
            yield from strange(models, inner[1], value, here)


def _annotation(model: Any, attribute: str) -> str:
    annotated = (inspect.get_annotations(c) for c in model.__mro__)
    return next(str(own[attribute]) for own in annotated if attribute in own)


@pytest.mark.parametrize("which", DOCUMENTS)
def test_every_name_that_is_sent_is_one_that_azure_publishes(which: str) -> None:
    models, name, document = DOCUMENTS[which]
    assert list(strange(models, name, document)) == []


def test_a_name_that_azure_does_not_publish_is_found() -> None:
    document = bodies.peering(ID)
    document["properties"] |= {"allowVnetAccess": True, "peeringState": "Connected"}
    document["properties"]["remoteVirtualNetwork"] = {"Id": ID}
    assert set(strange(net, "VirtualNetworkPeering", document)) == {
        "properties.allowVnetAccess",
        "properties.remoteVirtualNetwork.Id",
    }


@pytest.mark.parametrize("which", REQUIRED)
def test_what_azure_requires_is_there(which: str) -> None:
    for path in REQUIRED[which]:
        found = DOCUMENTS[which][2]
        for part in path.split("."):
            found = found[part]
        assert found


@pytest.mark.parametrize(
    ("name", "prefix"), [("apigee_east", "apigee-east"), ("a" * 53 + "-b", "a" * 53), ("-x-", "x")]
)
def test_a_dns_prefix_begins_and_ends_as_azure_wants_it(name: str, prefix: str) -> None:
    assert bodies.dns_prefix(replace(CENTRAL, cluster=replace(CENTRAL.cluster, name=name))) == prefix
