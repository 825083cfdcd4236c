from __future__ import annotations

import time
from typing import Any

from hybridspan_lab.arm import network_from_documents

ROOT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks"
TYPE = "Microsoft.Network/virtualNetworks"


def network(name: str, *prefixes: str) -> dict[str, Any]:
    properties = {"addressSpace": {"addressPrefixes": list(prefixes)}}
    return {"id": f"{ROOT}/{name}", "name": name, "type": TYPE, "properties": properties}


def peering(own: str, remote: str, *known: str, state: str = "Connected") -> dict[str, Any]:
    properties = {
        "peeringState": state,
        "allowVirtualNetworkAccess": True,
        "remoteVirtualNetwork": {"id": f"{ROOT.upper()}/{remote}"},
        "remoteAddressSpace": {"addressPrefixes": list(known)},
    }
    return {
        "id": f"{ROOT}/{own}/virtualNetworkPeerings/{remote}",
        "type": f"{TYPE}/virtualNetworkPeerings",
        "properties": properties,
    }


def store(*documents: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {document["id"].lower(): document for document in documents}


def test_both_sides_must_be_connected() -> None:
    networks = network("a", "10.0.0.0/16"), network("b", "10.1.0.0/16")
    there = peering("a", "b", "10.1.0.0/16")
    for back, links in (
        (peering("b", "a", "10.0.0.0/16"), 1),
        (peering("b", "a", "10.0.0.0/16", state="Disconnected"), 0),
    ):
        assert len(network_from_documents(store(*networks, there, back)).links) == links


def test_a_range_has_a_route_from_the_peers_that_have_synced_it_and_from_no_other() -> None:
    documents = store(
        network("a", "10.0.0.0/16", "10.9.0.0/16"),
        network("b", "10.1.0.0/16"),
        network("c", "10.2.0.0/16"),
        peering("a", "b", "10.1.0.0/16"),
        peering("b", "a", "10.0.0.0/16"),
        peering("a", "c", "10.2.0.0/16"),
        peering("c", "a", "10.0.0.0/16", "10.9.0.0/16"),
    )
    laid = network_from_documents(documents)
    (own,) = [vnet for vnet in laid.vnets if vnet.name == "a"]
    known = {link.ends[1][-1]: link.ranges(own) for link in laid.links}
    assert known == {"b": ("10.0.0.0/16",), "c": ("10.0.0.0/16", "10.9.0.0/16")}


def test_peerings_are_not_transitive() -> None:
    documents = store(
        *(network(name, f"10.{number}.0.0/16") for number, name in enumerate("abc")),
        peering("a", "b", "10.1.0.0/16"),
        peering("b", "a", "10.0.0.0/16"),
        peering("b", "c", "10.2.0.0/16"),
        peering("c", "b", "10.1.0.0/16"),
    )
    ends = [tuple(end[-1] for end in link.ends) for link in network_from_documents(documents).links]
    assert ends == [("a", "b"), ("b", "c")]


def test_forty_regions_are_worked_out_at_once() -> None:
    numbers = range(40)
    networks = [network(f"v{n:02}", f"10.{n}.0.0/16") for n in numbers]
    mesh = [peering(f"v{a:02}", f"v{b:02}", f"10.{b}.0.0/16") for a in numbers for b in numbers if a != b]
    started = time.process_time()
    assert len(network_from_documents(store(*networks, *mesh)).links) == 780
    assert time.process_time() - started < 1
