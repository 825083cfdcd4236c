from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import NetworkFacts
from hybridspan.plan.phases.groups import decide_group
from hybridspan.plan.phases.networks import decide_network, plan_networks
from tests.azure.regions import CENTRAL, EAST, make_topology
from tests.plan_azure.facts import NOTHING, here, network, world

TOPOLOGY = make_topology()


def test_a_group_that_exists_is_left_alone() -> None:
    assert decide_group(TOPOLOGY, EAST, exists=True).is_done


def test_the_first_regions_group_is_never_made() -> None:
    assert decide_group(TOPOLOGY, EAST, exists=False).state == "refused"
    assert decide_group(TOPOLOGY, CENTRAL, exists=False).state == "needed"


def test_a_missing_network_is_made_for_a_new_region_only() -> None:
    assert decide_network(TOPOLOGY, CENTRAL, None).state == "needed"
    assert decide_network(TOPOLOGY, EAST, None).state == "refused"


def test_a_network_as_declared_is_left_alone() -> None:
    decision = decide_network(TOPOLOGY, CENTRAL, network(CENTRAL))
    assert decision.is_done
    assert decision.reason == "network vnet-centralus (192.138.0.0/24) exists"


def test_further_ranges_are_noted_and_left_alone() -> None:
    wide = network(CENTRAL)
    wide = replace(wide, address_prefixes=(*wide.address_prefixes, IPv4Network("10.9.0.0/16")))
    decision = decide_network(TOPOLOGY, CENTRAL, wide)
    assert decision.is_done
    assert "it also has 10.9.0.0/16, left alone" in decision.reason


def test_other_ranges_than_declared_are_refused_with_both_named() -> None:
    other = replace(network(CENTRAL), address_prefixes=(IPv4Network("10.9.0.0/16"),))
    decision = decide_network(TOPOLOGY, CENTRAL, other)
    assert decision.state == "refused"
    assert "10.9.0.0/16" in decision.reason
    assert "192.138.0.0/24" in decision.reason


def test_another_place_than_declared_is_refused() -> None:
    moved = replace(network(CENTRAL), location="West Europe")
    assert decide_network(TOPOLOGY, CENTRAL, moved).state == "refused"


def test_a_missing_subnet_is_added_to_a_network_that_exists() -> None:
    bare = replace(network(CENTRAL), subnets=())
    facts = replace(here(CENTRAL), network=bare)
    assert decide_network(TOPOLOGY, CENTRAL, bare).state == "needed"
    step = plan_networks(TOPOLOGY, world(eastus=here(EAST), centralus=facts))[1]
    assert "az network vnet subnet create" in step.commands[0].text()
    assert step.undo == ()


def test_a_network_on_its_way_is_waited_for() -> None:
    moving = replace(network(CENTRAL), provisioning_state="Updating")
    decision = decide_network(TOPOLOGY, CENTRAL, moving)
    assert decision.reason == "network vnet-centralus exists and is not ready: Updating"


def test_the_command_is_the_documented_one() -> None:
    step = plan_networks(TOPOLOGY, world(eastus=here(EAST), centralus=NOTHING))[1]
    assert (
        "az network vnet create --name vnet-centralus --location centralus --resource-group my-hybrid-rg"
        in step.commands[0].text()
    )
    assert "--address-prefixes 192.138.0.0/24 --subnet-name vnet-centralus-subnet" in step.commands[0].text()
    assert step.needs == ("group/centralus",)
    assert step.undo[0].argv[:4] == ("az", "network", "vnet", "delete")


def test_the_way_back_deletes_what_a_run_made_and_nothing_else() -> None:
    made = replace(network(CENTRAL), tags=((bodies.TOPOLOGY_TAG, TOPOLOGY.name),))
    other = replace(network(CENTRAL), tags=((bodies.TOPOLOGY_TAG, "another"),))
    marked_first = replace(network(EAST), tags=((bodies.TOPOLOGY_TAG, TOPOLOGY.name),))

    def undone(first: NetworkFacts | None, second: NetworkFacts | None) -> list[bool]:
        seen = {
            "eastus": replace(here(EAST), network=first),
            "centralus": replace(here(CENTRAL), network=second),
        }
        return [bool(step.undo) for step in plan_networks(TOPOLOGY, world(**seen))]

    assert undone(network(EAST), made) == [False, True]
    assert undone(network(EAST), other) == [False, False]
    assert undone(marked_first, None) == [False, True]
    assert undone(None, network(CENTRAL)) == [False, False]
