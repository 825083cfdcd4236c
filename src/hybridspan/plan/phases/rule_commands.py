"""What a person types for a rule of a network security group."""

from __future__ import annotations

from hybridspan.facts.azure import SecurityGroupFacts, SecurityRuleFacts
from hybridspan.plan.model import Command
from hybridspan.topology import azure_ids


def listed(group: SecurityGroupFacts) -> Command:
    """The look at a whole group, Azure's defaults included."""
    return Command(
        ("az", "network", "nsg", "rule", "list", *_where(group.id), "--include-default", "--output", "table")
    )


def _where(group_id: str) -> tuple[str, ...]:
    parts = azure_ids.parse(group_id)
    place = ("--resource-group", parts.resource_group, "--subscription", parts.subscription)
    return (*place, "--nsg-name", parts.name)


def command(verb: str, group_id: str, rule: SecurityRuleFacts) -> Command:
    """Creating or deleting that rule."""
    names = ("az", "network", "nsg", "rule", verb, *_where(group_id), "--name", rule.name)
    if verb == "delete":
        return Command(names)
    return Command(
        (
            *names,
            *("--priority", str(rule.priority), "--direction", rule.direction),
            *("--access", rule.access, "--protocol", rule.protocol),
            *("--source-address-prefixes", *rule.sources, "--source-port-ranges", "*"),
            *("--destination-address-prefixes", *rule.destinations),
            *("--destination-port-ranges", *rule.destination_ports),
        )
    )
