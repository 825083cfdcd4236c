"""The properties that the network provider knows, by type: it parses bodies strictly and refuses any other."""

from __future__ import annotations

from typing import Final

_WORDS: Final = {
    "virtualNetworks": """
        addressSpace dhcpOptions flowTimeoutInMinutes subnets virtualNetworkPeerings resourceGuid
        provisioningState enableDdosProtection enableVmProtection ddosProtectionPlan bgpCommunities
        encryption ipAllocations flowLogs privateEndpointVNetPolicies defaultPublicNatGateway
    """,
    "subnets": """
        addressPrefix addressPrefixes networkSecurityGroup routeTable natGateway serviceEndpoints
        serviceEndpointPolicies privateEndpoints ipConfigurations ipConfigurationProfiles ipAllocations
        resourceNavigationLinks serviceAssociationLinks delegations purpose provisioningState
        privateEndpointNetworkPolicies privateLinkServiceNetworkPolicies
        applicationGatewayIPConfigurations sharingScope defaultOutboundAccess ipamPoolPrefixAllocations
        serviceGateway
    """,
    "virtualNetworkPeerings": """
        allowVirtualNetworkAccess allowForwardedTraffic allowGatewayTransit useRemoteGateways
        remoteVirtualNetwork localAddressSpace localVirtualNetworkAddressSpace remoteAddressSpace
        remoteVirtualNetworkAddressSpace remoteBgpCommunities remoteVirtualNetworkEncryption
        peeringState peeringSyncLevel provisioningState doNotVerifyRemoteGateways resourceGuid
        peerCompleteVnets enableOnlyIPv6Peering localSubnetNames remoteSubnetNames routeServiceVips
    """,
    "networkSecurityGroups": """
        flushConnection securityRules defaultSecurityRules networkInterfaces subnets flowLogs
        resourceGuid provisioningState
    """,
    "securityRules": """
        description protocol sourcePortRange destinationPortRange sourceAddressPrefix
        sourceAddressPrefixes sourceApplicationSecurityGroups destinationAddressPrefix
        destinationAddressPrefixes destinationApplicationSecurityGroups sourcePortRanges
        destinationPortRanges access priority direction provisioningState
    """,
}
_KNOWN: Final = {name.lower(): frozenset(words.split()) for name, words in _WORDS.items()}


def members(type_name: str) -> frozenset[str]:
    """The properties of a type, as its full name ends: `Microsoft.Network/virtualNetworks/subnets`."""
    return _KNOWN[type_name.rsplit("/", 1)[-1].lower()]
