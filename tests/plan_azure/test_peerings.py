from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from hybridspan.plan.phases.memory import remembered
from hybridspan.plan.phases.peerings import decide_peering, peering_name, plan_peerings
from hybridspan.plan.phases.torn_peerings import TornSide, torn_key_of
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region
from tests.azure.regions import CENTRAL, EAST, WEST, make_region, make_topology
from tests.plan_azure.facts import NOTHING, here, network, peering, world
from tests.plan_azure.fake_az import run_with_az

PAIR = (EAST, CENTRAL)


def test_both_sides_connected_and_in_step_are_left_alone() -> None:
    decision = decide_peering(PAIR, network(EAST, peering(CENTRAL)), network(CENTRAL, peering(EAST)))
    assert decision.is_done
    assert decision.reason == (
        "vnet-eastus and vnet-centralus are peered: Connected and FullyInSync on both sides"
    )


def test_a_missing_side_is_named() -> None:
    decision = decide_peering(
        PAIR, network(EAST, peering(CENTRAL, "Initiated", "RemoteNotInSync")), network(CENTRAL)
    )
    assert decision.state == "needed"
    assert decision.reason == "vnet-centralus has no peering to vnet-eastus"


def test_a_missing_network_means_that_nothing_is_peered() -> None:
    decision = decide_peering(PAIR, network(EAST), None)
    assert decision.reason == "network vnet-centralus does not exist yet, so nothing is peered"


def test_a_disconnected_side_means_both_again() -> None:
    facts = world(eastus=here(EAST, peering(CENTRAL, "Disconnected")), centralus=here(CENTRAL))
    step = plan_peerings(make_topology(), facts)[0]
    assert (
        step.decision.reason == "peering to-centralus is Disconnected: both sides are deleted and made again"
    )
    verbs = [re.findall(r"az network vnet peering (\w+)", c.text()) for c in step.commands]
    assert verbs == [
        ["list", "list", "delete", "delete"],
        ["show", "create"],
        ["show", "create"],
        ["show"],
        ["show"],
    ]


@pytest.mark.parametrize(
    ("here_is", "there_is", "count"),
    [
        ("Disconnected", "", 2),
        ("", "Disconnected", 2),
        ("Disconnected", "Disconnected", 2),
        # As they are at a second start, once the first one has made them again, both or one.
        ("Connected", "Connected", 0),
        ("Initiated", "", 0),
    ],
)
def test_what_was_torn_when_the_script_was_written_is_deleted_only_while_it_still_is(
    tmp_path: Path, here_is: str, there_is: str, count: int
) -> None:
    facts = world(eastus=here(EAST, peering(CENTRAL, "Disconnected")), centralus=here(CENTRAL))
    step = plan_peerings(make_topology(), facts)[0]
    says = f"""case "$*" in
      *peering\\ list*vnet-eastus*) echo {here_is};;
      *peering\\ list*vnet-centralus*) echo {there_is};;
    esac"""
    ran = run_with_az(tmp_path, step.commands, says)
    assert ran.code == 0
    assert len(ran.called("network vnet peering delete")) == count


def test_nothing_is_deleted_where_azure_cannot_be_asked(tmp_path: Path) -> None:
    facts = world(eastus=here(EAST, peering(CENTRAL, "Disconnected")), centralus=here(CENTRAL))
    ran = run_with_az(tmp_path, plan_peerings(make_topology(), facts)[0].commands, "exit 1")
    assert ran.code == 1
    assert len(ran.calls) == 1


def test_what_a_stopped_run_has_torn_down_is_planned_as_it_was() -> None:
    options = {"allowVirtualNetworkAccess": True, "allowForwardedTraffic": True, "allowGatewayTransit": True}
    body = {"properties": {"remoteVirtualNetwork": {"id": azure_ids.network_id(CENTRAL)}, **options}}
    kept = {torn_key_of(EAST, CENTRAL): TornSide("spoke-to-hub", body).to_document()}
    facts = replace(world(eastus=here(EAST), centralus=here(CENTRAL)), decided=kept)
    step = plan_peerings(make_topology(), facts)[0]
    assert [r.id.rsplit("/", 1)[1] for r in step.resources] == ["spoke-to-hub", "my-hybrid-rg-vnet2-peering"]
    assert step.resources[0].body == body
    ours, other = (c.text() for c in step.commands[:2])
    assert ours.endswith("--allow-vnet-access --allow-forwarded-traffic --allow-gateway-transit")
    assert other.endswith("--allow-vnet-access")
    assert "--name spoke-to-hub" in step.undo[0].text()


@pytest.mark.parametrize("user", [EAST, CENTRAL], ids=lambda region: region.name)
def test_the_side_that_uses_the_others_gateways_is_declared_last(user: Region) -> None:
    other = CENTRAL if user == EAST else EAST
    body = {
        "properties": {"remoteVirtualNetwork": {"id": azure_ids.network_id(other)}, "useRemoteGateways": True}
    }
    kept = {torn_key_of(user, other): TornSide("spoke-to-hub", body).to_document()}
    step = plan_peerings(
        make_topology(), replace(world(eastus=here(EAST), centralus=here(CENTRAL)), decided=kept)
    )[0]
    assert [r.id.rsplit("/", 1)[1] == "spoke-to-hub" for r in step.resources] == [False, True]
    assert ["--use-remote-gateways" in c.text() for c in step.commands[:2]] == [False, True]


def test_a_name_that_another_peering_got_meanwhile_is_not_given_twice() -> None:
    torn = TornSide("to-westus2", {"properties": {}})
    hub = network(EAST, peering(WEST))
    assert peering_name(make_topology(), EAST, CENTRAL, network(EAST), torn) == "to-westus2"
    assert peering_name(make_topology(), EAST, CENTRAL, hub, torn) == "my-hybrid-rg-vnet1-peering"


def test_the_planner_reads_what_was_torn_down_in_both_directions() -> None:
    wanted = {torn_key_of(*direction) for direction in ((EAST, CENTRAL), (CENTRAL, EAST))}
    assert wanted <= set(remembered(make_topology()))


def test_connected_is_not_enough_when_ranges_have_changed() -> None:
    stale = here(EAST, peering(CENTRAL, sync="RemoteNotInSync"))
    facts = world(eastus=stale, centralus=here(CENTRAL, peering(EAST, sync="LocalNotInSync")))
    step = plan_peerings(make_topology(), facts)[0]
    assert step.decision.state == "needed"
    assert "RemoteNotInSync" in step.decision.reason
    assert sum("peering sync" in c.text() for c in step.commands) == 2


def test_a_peering_closed_on_purpose_is_refused() -> None:
    closed = network(EAST, peering(CENTRAL, access=False))
    assert decide_peering(PAIR, closed, network(CENTRAL, peering(EAST))).state == "refused"


def test_overlapping_ranges_are_refused_before_anything_exists() -> None:
    twin = make_region("centralus", "120.38.0.0/16", 2)
    decision = decide_peering((EAST, twin), network(EAST), None)
    assert decision.state == "refused"
    assert "overlap" in decision.reason


def test_a_third_party_that_overlaps_is_named() -> None:
    hub = replace(peering(WEST), remote_prefixes=CENTRAL.network.address_prefixes)
    decision = decide_peering(PAIR, network(EAST, hub), network(CENTRAL))
    assert decision.state == "refused"
    assert "vnet-eastus is peered with VNET-WESTUS2" in decision.reason


def test_names_are_the_documentations_for_two_and_unique_for_more() -> None:
    topology = make_topology(EAST, CENTRAL, WEST)
    assert peering_name(topology, EAST, CENTRAL, None) == "my-hybrid-rg-vnet1-peering"
    assert peering_name(topology, CENTRAL, EAST, None) == "my-hybrid-rg-vnet2-peering"
    assert peering_name(topology, WEST, CENTRAL, None) == "my-hybrid-rg-vnet3-vnet2-peering"


def test_a_name_that_is_taken_is_not_taken_over() -> None:
    other = replace(peering(WEST), name="My-Hybrid-RG-vnet1-peering")
    assert peering_name(make_topology(), EAST, CENTRAL, network(EAST, other)) == "eastus-to-centralus"


def test_an_existing_direction_keeps_its_name() -> None:
    assert peering_name(make_topology(), EAST, CENTRAL, network(EAST, peering(CENTRAL))) == "to-centralus"


def test_every_pair_of_three_regions_is_peered() -> None:
    topology = make_topology(EAST, CENTRAL, WEST)
    steps = plan_peerings(topology, world(eastus=here(EAST), centralus=NOTHING, westus2=NOTHING))
    assert [s.id for s in steps] == [
        "peering/eastus+centralus",
        "peering/eastus+westus2",
        "peering/centralus+westus2",
    ]
    assert steps[2].needs == ("network/centralus", "network/westus2")
    assert len(set(steps[2].lanes)) == 2


def test_the_command_is_the_documented_one() -> None:
    step = plan_peerings(make_topology(), world(eastus=here(EAST), centralus=here(CENTRAL)))[0]
    text = step.commands[0].text()
    assert (
        "az network vnet peering create --name my-hybrid-rg-vnet1-peering --resource-group my-hybrid-rg"
        in text
    )
    assert '--remote-vnet "$(az network vnet show' in text
    assert text.endswith("--allow-vnet-access")
    assert step.commands[-1].text().endswith("--query peeringState")
