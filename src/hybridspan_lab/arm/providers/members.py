"""The properties that the network provider and AKS know, by type: both parse bodies strictly and refuse any other."""

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
    "managedClusters": """
        aadProfile addonProfiles agentPoolProfiles aiToolchainOperatorProfile apiServerAccessProfile autoScalerProfile
        autoUpgradeProfile azureMonitorProfile azurePortalFQDN bootstrapProfile currentKubernetesVersion
        disableLocalAccounts diskEncryptionSetID dnsPrefix enableFIPS enablePodSecurityPolicy enableRBAC fqdn
        fqdnSubdomain hostedSystemProfile httpProxyConfig identityProfile ingressProfile kubernetesVersion linuxProfile
        maxAgentPools metricsProfile networkProfile nodeProvisioningProfile nodeResourceGroup nodeResourceGroupProfile
        oidcIssuerProfile podIdentityProfile powerState privateFQDN privateLinkResources provisioningState
        publicNetworkAccess resourceUID schedulerProfile securityProfile serviceMeshProfile servicePrincipalProfile
        status storageProfile supportPlan upgradeSettings windowsProfile workloadAutoScalerProfile
    """,
    "agentPools": """
        artifactStreamingProfile availabilityZones capacityReservationGroupID count creationData
        currentOrchestratorVersion eTag enableAutoScaling enableEncryptionAtHost enableFIPS enableNodePublicIP
        enableUltraSSD gatewayProfile gpuInstanceProfile gpuProfile hostGroupID kubeletConfig kubeletDiskType
        linuxOSConfig localDNSProfile maxCount maxPods messageOfTheDay minCount mode name networkProfile
        nodeImageVersion nodeLabels nodePublicIPPrefixID nodeTaints orchestratorVersion osDiskSizeGB osDiskType osSKU
        osType podIPAllocationMode podSubnetID powerState provisioningState proximityPlacementGroupID scaleDownMode
        scaleSetEvictionPolicy scaleSetPriority securityProfile spotMaxPrice status tags type upgradeSettings
        virtualMachineNodesStatus virtualMachinesProfile vmSize vnetSubnetID windowsProfile workloadRuntime
    """,
    "networkProfile": """
        advancedNetworking dnsServiceIP dockerBridgeCidr ipFamilies loadBalancerProfile loadBalancerSku
        natGatewayProfile networkDataplane networkMode networkPlugin networkPluginMode networkPolicy outboundType
        podCidr podCidrs serviceCidr serviceCidrs staticEgressGatewayProfile
    """,
}
_KNOWN: Final = {name.lower(): frozenset(words.split()) for name, words in _WORDS.items()}


def members(type_name: str) -> frozenset[str]:
    """The properties of a type, as its full name ends: `Microsoft.Network/virtualNetworks/subnets`."""
    return _KNOWN[type_name.rsplit("/", 1)[-1].lower()]
