from __future__ import annotations

import pytest

from hybridspan_lab.arm import network_from_documents
from hybridspan_lab.network.model import Denial
from tests.lab_arm.client import ArmClient


def rule(priority: int = 200, access: str = "Deny", **changes: object) -> dict[str, object]:
    properties: dict[str, object] = {
        "priority": priority,
        "direction": "Inbound",
        "access": access,
        "protocol": "Tcp",
        "sourceAddressPrefix": "VirtualNetwork",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "7001",
    }
    return {"properties": {**properties, **changes}}


async def guarded(arm: ArmClient) -> None:
    await arm.put(arm.nsg("guard"), {"location": "eastus"})
    await arm.make_vnet("a", "120.38.1.0/24")
    await arm.make_vnet("b", "192.138.0.0/24", location="centralus")
    guard = {"addressPrefix": "120.38.1.0/26", "networkSecurityGroup": {"id": arm.nsg("guard")}}
    await arm.put(f"{arm.vnet('a')}/subnets/s", {"properties": guard})
    await arm.peer("a", "b")
    await arm.peer("b", "a")


def denials(arm: ArmClient) -> tuple[Denial, ...]:
    return network_from_documents(arm.networks[-1]).denials


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (rule(99), "SecurityRuleInvalidPriority"),
        (rule(4097), "SecurityRuleInvalidPriority"),
        (rule(direction="Sideways"), "SecurityRuleInvalidDirection"),
        (rule(protocol="Sctp"), "SecurityRuleInvalidProtocol"),
        (rule(access="Perhaps"), "SecurityRuleInvalidAccess"),
        (rule(destinationPortRange="70000"), "SecurityRuleInvalidPortRange"),
        (rule(sourceAddressPrefix="Nowhere"), "SecurityRuleInvalidAddressPrefix"),
        (rule(sourceAddressPrefix=None), "SecurityRuleInvalidAddressPrefix"),
        *(
            (
                rule(sourceAddressPrefix=None, sourceAddressPrefixes=listed),
                "SecurityRuleParameterContainsUnsupportedValue",
            )
            for listed in (["VirtualNetwork"], ["*"], ["10.0.0.0/8", "Internet"])
        ),
        (
            rule(sourceAddressPrefix="*", sourceAddressPrefixes=["10.0.0.0/8"]),
            "SecurityRuleParameterContainsUnsupportedValue",
        ),
    ],
)
async def test_rules_are_judged_as_azure_judges_them(
    arm: ArmClient, group: object, document: dict[str, object], code: str
) -> None:
    await arm.put(arm.nsg("guard"), {"location": "eastus"})
    assert (await arm.put(f"{arm.nsg('guard')}/securityRules/r", document)).code == code


async def test_two_rules_of_a_direction_differ_in_priority(arm: ArmClient, group: object) -> None:
    await arm.put(arm.nsg("guard"), {"location": "eastus"})
    await arm.put(f"{arm.nsg('guard')}/securityRules/one", rule(200))
    assert (await arm.put(f"{arm.nsg('guard')}/securityRules/two", rule(200))).code == "SecurityRuleConflict"
    assert (
        await arm.put(f"{arm.nsg('guard')}/securityRules/two", rule(200, direction="Outbound"))
    ).status == 200


async def test_every_group_has_azure_s_default_rules(arm: ArmClient, group: object) -> None:
    made = await arm.put(arm.nsg("guard"), {"location": "eastus"})
    found = [(r["name"], r["properties"]["priority"]) for r in made.properties["defaultSecurityRules"]]
    assert ("AllowVnetInBound", 65000) in found
    assert len(found) == 6


async def test_without_a_group_nothing_is_denied(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("a", "120.38.1.0/24", "120.38.1.0/26")
    assert denials(arm) == ()


async def test_the_default_rules_let_the_network_and_its_peers_in(arm: ArmClient, group: object) -> None:
    await guarded(arm)
    inbound = [d for d in denials(arm) if d.direction == "Inbound" and d.priority == 65000]
    assert {d.source for d in inbound} == {"120.38.1.0/24", "192.138.0.0/24"}
    assert {d.destination for d in inbound} == {"120.38.1.0/26"}
    assert all(d.allow for d in inbound)


async def test_a_custom_denial_comes_first_and_is_narrowed_to_the_subnet(
    arm: ArmClient, group: object
) -> None:
    await guarded(arm)
    await arm.put(f"{arm.nsg('guard')}/securityRules/no", rule(200, sourceAddressPrefix="192.138.0.0/26"))
    first = min((d for d in denials(arm) if d.direction == "Inbound"), key=lambda d: d.priority)
    assert first == Denial(
        arm.vnet("a"), "Inbound", "192.138.0.0/26", "120.38.1.0/26", "tcp", ((7001, 7001),), 200, allow=False
    )


async def test_a_deleted_rule_is_gone_from_the_network(arm: ArmClient, group: object) -> None:
    await guarded(arm)
    path = f"{arm.nsg('guard')}/securityRules/no"
    await arm.put(path, rule(200))
    await arm.delete(path)
    assert all(d.priority >= 65000 for d in denials(arm))


async def test_several_ranges_and_ports_are_all_taken(arm: ArmClient, group: object) -> None:
    await guarded(arm)
    several = rule(
        300,
        sourceAddressPrefix=None,
        sourceAddressPrefixes=["192.138.0.0/26", "10.0.0.0/8"],
        destinationPortRange=None,
        destinationPortRanges=["7000-7001", "9042"],
    )
    await arm.put(f"{arm.nsg('guard')}/securityRules/no", several)
    found = [d for d in denials(arm) if d.priority == 300]
    assert {d.source for d in found} == {"192.138.0.0/26", "10.0.0.0/8"}
    assert found[0].ports == ((7000, 7001), (9042, 9042))


async def test_rules_about_the_internet_match_nothing_in_the_lab(arm: ArmClient, group: object) -> None:
    await guarded(arm)
    await arm.put(f"{arm.nsg('guard')}/securityRules/no", rule(100, sourceAddressPrefix="Internet"))
    assert not [d for d in denials(arm) if d.priority == 100]
