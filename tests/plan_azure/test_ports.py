from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from hybridspan.facts.azure import RegionAzureFacts, SecurityRuleFacts
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.phases.closings import closings
from hybridspan.plan.phases.ports import decide_ports, plan_ports
from hybridspan.topology.model import Region, Subnet
from tests.azure.regions import CENTRAL, EAST, WEST, make_topology
from tests.plan_azure.facts import NOTHING, group_id, here, rule, world

TOPOLOGY = make_topology()
PAIR = (EAST, CENTRAL)


def decide(*east: SecurityRuleFacts, central: tuple[SecurityRuleFacts, ...] | None = None) -> str:
    facts = here(EAST, rules=tuple(east)), here(CENTRAL, rules=central)
    return decide_ports(TOPOLOGY, PAIR, *facts).state


def test_without_groups_everything_is_open() -> None:
    decision = decide_ports(TOPOLOGY, PAIR, here(EAST), here(CENTRAL))
    assert decision.is_done
    assert decision.reason == "TCP 7001 is open both ways between the subnets of eastus and centralus"


def test_azures_default_rules_let_peered_networks_through() -> None:
    assert decide() == "done"


@pytest.mark.parametrize(
    "closing",
    [
        rule(4096, "Inbound"),
        rule(200, "Outbound"),
        rule(200, "Inbound", protocol="Tcp", destination_ports=("7000-7100",)),
        rule(200, "Inbound", sources=("VirtualNetwork",)),
        rule(200, "Inbound", sources=("192.138.0.0/16",)),
        rule(200, "Inbound", sources=("192.138.0.7/32",)),
        rule(200, "Outbound", destinations=("192.138.0.0/24",), destination_ports=("22", "7001")),
    ],
)
def test_a_deny_that_matches_closes_it(closing: SecurityRuleFacts) -> None:
    assert decide(closing) == "needed"


@pytest.mark.parametrize(
    "harmless",
    [
        rule(200, "Inbound", protocol="Udp"),
        rule(200, "Inbound", destination_ports=("9042",)),
        rule(200, "Inbound", sources=("Internet",)),
        rule(200, "Inbound", sources=("10.0.0.0/8",)),
        rule(200, "Inbound", sources=("AzureLoadBalancer",)),
        rule(200, "Inbound", sources=()),
    ],
)
def test_a_deny_of_something_else_closes_nothing(harmless: SecurityRuleFacts) -> None:
    assert decide(harmless) == "done"


def test_the_first_match_decides() -> None:
    assert decide(rule(100, "Inbound", "Allow"), rule(200, "Inbound")) == "done"
    assert decide(rule(300, "Inbound", "Allow"), rule(200, "Inbound")) == "needed"


def test_an_allow_for_a_part_does_not_open_the_whole() -> None:
    part = rule(100, "Inbound", "Allow", sources=("192.138.0.4/32",))
    assert decide(part, rule(200, "Inbound")) == "needed"


def test_the_rule_that_closes_is_named() -> None:
    facts = here(EAST, rules=(rule(200, "Inbound", name="no-cassandra"),)), here(CENTRAL)
    decision = decide_ports(TOPOLOGY, PAIR, *facts)
    assert decision.reason == (
        "rule no-cassandra (priority 200) of eastus-nsg closes TCP 7001 from 192.138.0.0/26 to 120.38.1.0/26 "
        "(inbound at vnet-eastus-subnet)"
    )


def test_one_rule_for_exactly_the_two_subnets_goes_in_front() -> None:
    taken = rule(199, "Inbound", "Allow", destination_ports=("22",))
    facts = here(EAST, rules=(taken, rule(200, "Inbound"))), here(CENTRAL)
    (closing,) = closings(TOPOLOGY, PAIR, *facts)
    remedy = closing.remedy
    assert remedy is not None
    assert (remedy.priority, remedy.direction, remedy.access, remedy.protocol) == (
        198,
        "Inbound",
        "Allow",
        "Tcp",
    )
    assert (remedy.sources, remedy.destinations) == (("192.138.0.0/26",), ("120.38.1.0/26",))
    assert remedy.destination_ports == ("7001",)
    opened = here(EAST, rules=(remedy, taken, rule(200, "Inbound"))), here(CENTRAL)
    assert decide_ports(TOPOLOGY, PAIR, *opened).is_done


def test_both_groups_and_both_directions_are_looked_at() -> None:
    shut = (rule(200, "Inbound"), rule(200, "Outbound"))
    found = closings(TOPOLOGY, PAIR, here(EAST, rules=shut), here(CENTRAL, rules=shut))
    assert [(c.region.name, c.direction) for c in found] == [
        ("eastus", "Outbound"),
        ("centralus", "Inbound"),
        ("centralus", "Outbound"),
        ("eastus", "Inbound"),
    ]


def test_a_deny_at_the_very_front_is_refused_by_name() -> None:
    facts = here(EAST, rules=(rule(100, "Inbound", name="first-of-all"),)), here(CENTRAL)
    decision = decide_ports(TOPOLOGY, PAIR, *facts)
    assert decision.state == "refused"
    assert "first-of-all" in decision.reason


def test_the_plain_port_only_where_the_file_asks_for_it() -> None:
    shut = here(EAST, rules=(rule(200, "Inbound", destination_ports=("7000",)),))
    assert decide_ports(TOPOLOGY, PAIR, shut, here(CENTRAL)).is_done
    asking = make_topology(open_plain_port=True)
    assert decide_ports(asking, PAIR, shut, here(CENTRAL)).state == "needed"


def test_a_network_that_does_not_exist_is_looked_at_later() -> None:
    assert decide_ports(TOPOLOGY, PAIR, here(EAST), NOTHING).state == "later"


def test_the_command_adds_just_that_rule() -> None:
    facts = world(eastus=here(EAST, rules=(rule(200, "Inbound"),)), centralus=here(CENTRAL))
    step = plan_ports(TOPOLOGY, facts)[0]
    assert len(step.commands) == len(step.undo) == 1
    text = step.commands[0].text()
    assert "az network nsg rule create --resource-group my-hybrid-rg" in text
    assert "--priority 199 --direction Inbound --access Allow --protocol Tcp" in text
    assert step.needs == ("peering/eastus+centralus",)
    assert step.lanes == (f"security-group/{facts.regions['eastus'].azure.security_groups[0].id.lower()}",)


def test_the_way_back_takes_a_rule_of_ours_away_and_no_other() -> None:
    shut = world(eastus=here(EAST, rules=(rule(200, "Inbound"),)), centralus=here(CENTRAL))
    planned = plan_ports(TOPOLOGY, shut)[0]
    (made,) = [c.remedy for c in closings(TOPOLOGY, PAIR, *azure_of(shut)) if c.remedy]
    other = replace(made, name=made.name + "-more", sources=("10.99.0.0/16",))
    mine = replace(made, name="allow-cassandra")
    opened = world(
        eastus=here(EAST, rules=(rule(200, "Inbound"), made, other, mine)), centralus=here(CENTRAL)
    )
    done = plan_ports(TOPOLOGY, opened)[0]
    assert done.decision.is_done
    assert done.undo == planned.undo


def azure_of(facts: WorldFacts) -> list[RegionAzureFacts]:
    return [facts.regions[region.name].azure for region in PAIR]


def test_aks_own_group_plays_no_part() -> None:
    facts = here(EAST, rules=(rule(200, "Inbound"),))
    stray = replace(facts.security_groups[0], id=facts.security_groups[0].id.replace("my-hybrid-rg", "MC_x"))
    unguarded = replace(here(EAST), security_groups=(stray,))
    assert decide_ports(TOPOLOGY, PAIR, unguarded, here(CENTRAL)).is_done


def test_pairs_that_share_a_group_take_different_priorities() -> None:
    topology = make_topology(EAST, CENTRAL, WEST)
    guarded = here(EAST, rules=(rule(300, "Inbound"),))
    steps = plan_ports(topology, world(eastus=guarded, centralus=NOTHING, westus2=NOTHING))
    made = [r.body["properties"] for s in steps for r in s.resources]
    assert [(p["sourceAddressPrefix"], p["priority"]) for p in made] == [
        ("192.138.0.0/26", 299),
        ("10.90.0.0/26", 298),
    ]


def test_a_group_that_closes_is_seen_before_the_other_network_exists() -> None:
    decision = decide_ports(TOPOLOGY, PAIR, here(EAST, rules=(rule(300, "Inbound"),)), NOTHING)
    assert decision.state == "needed"
    assert decide_ports(TOPOLOGY, PAIR, here(EAST), NOTHING).state == "later"


def test_a_deny_that_wins_over_our_rule_is_named_with_both() -> None:
    ours = next(
        c.remedy for c in closings(TOPOLOGY, PAIR, here(EAST, rules=(rule(300, "Inbound"),)), here(CENTRAL))
    )
    assert ours is not None
    both = (ours, rule(200, "Inbound", name="somebodys-deny"))
    decision = decide_ports(TOPOLOGY, PAIR, here(EAST, rules=both), here(CENTRAL))
    assert decision.state == "refused"
    assert "rule somebodys-deny (priority 200) of eastus-nsg closes TCP 7001" in decision.reason
    assert decision.reason.endswith(f"it wins over {ours.name} (priority 299), which would open it")
    assert "above 299" in decision.hint


@pytest.mark.parametrize("name", ["aks-agentpool-12345678-nsg", "own"])
def test_akss_own_group_is_never_written_to(name: str) -> None:
    facts = here(EAST, rules=(rule(200, "Inbound"),))
    place = (
        group_id(EAST)
        if name != "own"
        else group_id(EAST).replace("my-hybrid-rg", "MC_my-hybrid-rg_c_eastus")
    )
    group = replace(facts.security_groups[0], id=place, name=name)
    assert facts.network is not None
    subnet = replace(facts.network.subnets[0], security_group_id=place)
    guarded = replace(facts, security_groups=(group,), network=replace(facts.network, subnets=(subnet,)))
    decision = decide_ports(TOPOLOGY, PAIR, guarded, here(CENTRAL))
    assert decision.state == "refused"
    assert "AKS's own, which is never touched" in decision.reason
    assert plan_ports(TOPOLOGY, world(eastus=guarded, centralus=here(CENTRAL)))[0].resources == ()


def with_pod_subnet(region: Region) -> Region:
    pods = Subnet(f"{region.name}-pods", list(region.network.address_prefixes[0].subnets(new_prefix=26))[1])
    return replace(region, network=replace(region.network, pod_subnet=pods))


def test_on_its_machines_addresses_cassandra_is_in_the_nodes_subnet_also_where_pods_have_their_own() -> None:
    pair = (with_pod_subnet(EAST), with_pod_subnet(CENTRAL))
    shut = here(EAST, rules=(rule(300, "Inbound"),))  # the group guards the nodes' subnet
    assert decide_ports(make_topology(*pair), pair, shut, here(CENTRAL)).is_done
    (closing,) = closings(make_topology(*pair), pair, shut, here(CENTRAL), on_machines=True)
    assert closing.remedy is not None
    assert closing.remedy.destinations == (str(EAST.network.subnet.prefix),)
    assert closing.remedy.sources == (str(CENTRAL.network.subnet.prefix),)


def test_a_pod_with_a_subnet_of_its_own_may_come_to_another_region_as_its_node() -> None:
    pair = (with_pod_subnet(EAST), with_pod_subnet(CENTRAL))
    pods = pair[0].network.pod_subnet
    assert pods is not None
    facts = here(EAST, rules=(rule(300, "Inbound"),))
    assert facts.network is not None
    own = replace(facts.network.subnets[0], id=f"{facts.network.id}/subnets/{pods.name}", name=pods.name)
    unguarded = replace(facts.network.subnets[0], security_group_id=None)
    facts = replace(
        facts, network=replace(facts.network, subnets=(unguarded, replace(own, prefixes=(pods.prefix,))))
    )
    remedies = [c.remedy for c in closings(make_topology(*pair), pair, facts, here(CENTRAL)) if c.remedy]
    assert {r.destinations for r in remedies} == {(str(pods.prefix),)}
    there = pair[1].network
    assert there.pod_subnet is not None
    assert [r.sources for r in remedies] == [(str(there.pod_subnet.prefix),), (str(there.subnet.prefix),)]
    assert len({(r.name, r.priority) for r in remedies}) == 2


def shared_by_nodes_and_pods(region: Region, *rules: SecurityRuleFacts) -> RegionAzureFacts:
    """One group guards both subnets of the region."""
    facts, pods = here(region, rules=rules), region.network.pod_subnet
    assert facts.network is not None
    assert pods is not None
    nodes = facts.network.subnets[0]
    own = replace(
        nodes, id=f"{facts.network.id}/subnets/{pods.name}", name=pods.name, prefixes=(pods.prefix,)
    )
    return replace(facts, network=replace(facts.network, subnets=(nodes, own)))


def test_one_group_for_nodes_and_pods_gets_a_rule_for_each_one_after_the_other() -> None:
    """What closes outbound, closes what leaves as the pod and what leaves as its node."""
    pair = (with_pod_subnet(EAST), with_pod_subnet(CENTRAL))
    topology, shut = make_topology(*pair), rule(300, "Outbound")
    found = closings(topology, pair, shared_by_nodes_and_pods(pair[0], shut), here(CENTRAL))
    first, second = [c.remedy for c in found if c.remedy]
    assert first.name != second.name
    assert first.sources != second.sources
    assert first.destinations == second.destinations
    half = shared_by_nodes_and_pods(pair[0], shut, first)  # a run was stopped after the first
    assert decide_ports(topology, pair, half, here(CENTRAL)).state == "needed"
    (left,) = closings(topology, pair, half, here(CENTRAL))
    assert left.remedy == second
    whole = shared_by_nodes_and_pods(pair[0], shut, first, second)
    assert decide_ports(topology, pair, whole, here(CENTRAL)).is_done


def test_a_rule_of_ours_that_opens_less_is_not_taken_for_the_one_that_is_wanted() -> None:
    (closing,) = closings(TOPOLOGY, PAIR, here(EAST, rules=(rule(300, "Inbound"),)), here(CENTRAL))
    assert closing.remedy is not None
    older = replace(
        closing.remedy, name="hybridspan-cassandra-7001-from-192-138-0-0-26", destinations=("10.99.0.0/26",)
    )
    facts = here(EAST, rules=(older, rule(300, "Inbound"))), here(CENTRAL)
    assert decide_ports(TOPOLOGY, PAIR, *facts).state == "needed"


def test_a_rule_of_our_name_that_somebody_changed_is_named_beforehand() -> None:
    (closing,) = closings(TOPOLOGY, PAIR, here(EAST, rules=(rule(300, "Inbound"),)), here(CENTRAL))
    assert closing.remedy is not None
    changed = replace(closing.remedy, protocol="Udp")
    decision = decide_ports(TOPOLOGY, PAIR, here(EAST, rules=(changed, rule(300, "Inbound"))), here(CENTRAL))
    assert decision.state == "refused"
    assert decision.reason.endswith(f"the rule {changed.name}, which would open it, says something else")
    assert f"/securityRules/{changed.name}" in decision.hint


def test_the_longest_name_of_a_rule_is_one_that_azure_takes() -> None:
    ends = (Subnet("a", IPv4Network("120.138.101.128/26")), Subnet("b", IPv4Network("192.138.100.192/26")))
    pair = tuple(
        replace(region, network=replace(region.network, subnet=subnet, address_prefixes=(subnet.prefix,)))
        for region, subnet in zip(PAIR, ends, strict=True)
    )
    (closing,) = closings(
        make_topology(*pair), (pair[0], pair[1]), here(pair[0], rules=(rule(300, "Inbound"),)), here(pair[1])
    )
    assert closing.remedy is not None
    assert closing.remedy.name == "hybridspan-cassandra-7001-from-192-138-100-192-26-to-120-138-101-128-26"
    assert len(closing.remedy.name) <= 80


def test_the_nodes_group_too_has_one_writer_where_pods_have_a_subnet_of_their_own() -> None:
    pair = (with_pod_subnet(EAST), with_pod_subnet(CENTRAL))
    facts = world(eastus=here(EAST, rules=(rule(300, "Outbound"),)), centralus=here(CENTRAL))
    (step,) = plan_ports(make_topology(*pair), facts)
    assert step.decision.state == "needed"  # what leaves as the node meets the nodes' group
    assert step.lanes == (f"security-group/{group_id(EAST).lower()}",)


def test_the_first_regions_file_says_whose_addresses_cassandra_has() -> None:
    pair = (with_pod_subnet(EAST), with_pod_subnet(CENTRAL))
    facts = world(eastus=here(EAST, rules=(rule(300, "Inbound"),)), centralus=here(CENTRAL))
    (before,) = plan_ports(make_topology(*pair), facts)
    overrides = OverridesFacts("overrides.yaml", exists=True, host_network=True)
    own = replace(facts.regions["eastus"], overrides=overrides)
    changed = replace(facts, regions={**facts.regions, "eastus": own})
    (after,) = plan_ports(make_topology(*pair), changed)
    assert (before.decision.state, after.decision.state) == ("done", "needed")
    assert EAST.network.subnet.name in after.decision.reason
