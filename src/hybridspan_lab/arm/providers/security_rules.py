"""Security rules: Azure's own six, what a custom one may say, and how its fields are read."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Final

from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import bad_request
from hybridspan_lab.arm.providers.network_parts import check_name, known_properties

RULE: Final = "Microsoft.Network/networkSecurityGroups/securityRules"
RANGES: Final = ("sourcePortRange", "destinationPortRange")
PREFIXES: Final = ("sourceAddressPrefix", "destinationAddressPrefix")
SERVICE_TAGS: Final = frozenset(
    [
        "virtualnetwork",
        "azureloadbalancer",
        "internet",
        "azurecloud",
        "storage",
        "sql",
        "azureactivedirectory",
        "azuremonitor",
    ]
)


def default_rules() -> list[Document]:
    """Azure's own rules, last in every group."""
    rows = (
        ("AllowVnetInBound", "Allow", 65000, "Inbound", "VirtualNetwork", "VirtualNetwork"),
        ("AllowAzureLoadBalancerInBound", "Allow", 65001, "Inbound", "AzureLoadBalancer", "*"),
        ("DenyAllInBound", "Deny", 65500, "Inbound", "*", "*"),
        ("AllowVnetOutBound", "Allow", 65000, "Outbound", "VirtualNetwork", "VirtualNetwork"),
        ("AllowInternetOutBound", "Allow", 65001, "Outbound", "*", "Internet"),
        ("DenyAllOutBound", "Deny", 65500, "Outbound", "*", "*"),
    )
    return [
        {
            "name": name,
            "properties": {
                "provisioningState": "Succeeded",
                "description": "",
                "protocol": "*",
                "sourcePortRange": "*",
                "destinationPortRange": "*",
                "sourceAddressPrefix": source,
                "destinationAddressPrefix": destination,
                "access": access,
                "priority": priority,
                "direction": direction,
                "sourcePortRanges": [],
                "destinationPortRanges": [],
                "sourceAddressPrefixes": [],
                "destinationAddressPrefixes": [],
            },
        }
        for name, access, priority, direction, source, destination in rows
    ]


def rule_document(group: Document, body: Document) -> Document:
    """A rule as it is kept; ArmError for values that Azure refuses."""
    given, name = known_properties(body, RULE), str(body.get("name", ""))
    check_name(name)
    given.pop("provisioningState", None)
    properties = {
        "provisioningState": "Updating",
        "protocol": _word(given, "protocol", ("Tcp", "Udp", "Icmp", "Esp", "Ah", "*"), name),
        "access": _word(given, "access", ("Allow", "Deny"), name),
        "direction": _word(given, "direction", ("Inbound", "Outbound"), name),
        "priority": _priority(given),
        **{plural(field): list(given.get(plural(field)) or []) for field in (*RANGES, *PREFIXES)},
        **{field: given[field] for field in (*RANGES, *PREFIXES) if given.get(field)},
    }
    if given.get("description"):
        properties["description"] = given["description"]
    _check_values(properties, name)
    return {"name": name, "id": f"{group['id']}/securityRules/{name}", "type": RULE, "properties": properties}


def check_conflicts(rules: list[Document]) -> None:
    """ArmError 400 when two rules of a direction have the same priority."""
    seen: dict[tuple[str, int], str] = {}
    for rule in rules:
        place = rule["properties"]["direction"], rule["properties"]["priority"]
        if place in seen:
            message = (
                f"Security rule {rule['name']} conflicts with rule {seen[place]}. Rules cannot have the same "
                "Priority and Direction."
            )
            raise bad_request("SecurityRuleConflict", message)
        seen[place] = rule["name"]


def _word(given: Document, name: str, allowed: tuple[str, ...], rule: str) -> str:
    value = str(given.get(name) or "")
    found = next((word for word in allowed if word.lower() == value.lower()), None)
    if found is None:
        message = f"Security rule {rule} has invalid {name}. Value provided: {value} Allowed values {', '.join(allowed)}."
        raise bad_request(f"SecurityRuleInvalid{name.capitalize()}", message)
    return found


def _priority(given: Document) -> int:
    value = given.get("priority")
    if not isinstance(value, int) or not 100 <= value <= 4096:
        message = f"Security rule has invalid Priority. Value provided: {value} Allowed range 100-4096."
        raise bad_request("SecurityRuleInvalidPriority", message)
    return value


def _check_values(properties: Document, rule: str) -> None:
    for field in RANGES:
        values = values_of(properties, field)
        if not values or not all(_is_port_range(value) for value in values):
            message = f"Security rule has invalid Port range. Value provided: {values} in rule {rule}."
            raise bad_request("SecurityRuleInvalidPortRange", message)
    for field in PREFIXES:
        values = values_of(properties, field)
        if not values or not all(_is_address(value) for value in values):
            message = f"Security rule parameter {field} for rule with Id {rule} cannot be parsed. Value provided: {values}."
            raise bad_request("SecurityRuleInvalidAddressPrefix", message)
        _check_listed(properties, field, rule)


def _check_listed(properties: Document, field: str, rule: str) -> None:
    """A tag or `*` stands alone in the field for one value: the list takes ranges only, and not beside the other."""
    listed = [str(value) for value in properties.get(plural(field)) or []]
    unsupported = next((value for value in listed if not _is_cidr(value)), None)
    if unsupported is None and listed and properties.get(field):
        unsupported = str(properties[field])
    if unsupported is not None:
        message = (
            f"Security rule parameter {field[0].upper()}{field[1:]} for rule with Id {rule} cannot specify existing "
            f"VIRTUALNETWORK, INTERNET, AZURELOADBALANCER, '*' or system tags. Unsupported value used: {unsupported}."
        )
        raise bad_request("SecurityRuleParameterContainsUnsupportedValue", message)


def plural(field: str) -> str:
    """`sourcePortRange` and `sourcePortRanges`, `…Prefix` and `…Prefixes`: Azure takes either."""
    return field + ("es" if field.endswith("x") else "s")


def values_of(properties: Document, field: str) -> list[str]:
    """The values of a rule's field, whether it was written as one or as several."""
    several = [str(value) for value in properties.get(plural(field)) or []]
    one = properties.get(field)
    return [str(one), *several] if one else several


def _is_port_range(value: str) -> bool:
    if value == "*":
        return True
    first, _, last = value.partition("-")
    ends = (first, last or first)
    return all(end.isdigit() and 0 <= int(end) <= 65535 for end in ends) and int(ends[0]) <= int(ends[1])


def _is_address(value: str) -> bool:
    return value == "*" or value.split(".", maxsplit=1)[0].lower() in SERVICE_TAGS or _is_cidr(value)


def _is_cidr(value: str) -> bool:
    try:
        IPv4Network(value, strict=False)
    except ValueError:
        return False
    return True
