from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from hybridspan.topology.locations import LOCATIONS
from hybridspan_lab.arm import NullHost
from hybridspan_lab.arm.credentials import SUBSCRIPTION
from hybridspan_lab.arm.locations import ALL
from hybridspan_lab.arm.ports import ClusterDocument, Progress
from hybridspan_lab.arm.providers import machines
from tests.lab_arm.client import ArmClient, running
from tests.lab_arm.conftest import FAST

OWN = {"type": "SystemAssigned"}


def body(*pools: dict[str, Any], **profile: str) -> dict[str, Any]:
    listed = list(pools) or [pool("system")]
    properties = {"dnsPrefix": "d", "agentPoolProfiles": listed, "networkProfile": profile}
    return {"location": "eastus", "identity": OWN, "properties": properties}


def pool(name: str, count: int = 1, mode: str = "System", **more: Any) -> dict[str, Any]:
    return {"name": name, "count": count, "mode": mode, **more}


async def test_what_nobody_asked_for_aks_decides(arm: ArmClient, group: object) -> None:
    made = (await arm.put(arm.cluster(), body())).properties
    profile = made["networkProfile"]
    assert (profile["networkPlugin"], profile["networkPluginMode"], profile["podCidr"]) == (
        "azure",
        "overlay",
        "10.244.0.0/16",
    )
    assert made["currentKubernetesVersion"] == "1.37.2"
    assert made["nodeResourceGroup"] == "MC_rg_aks_eastus"
    assert made["agentPoolProfiles"][0]["maxPods"] == 250


async def test_azure_cni_is_said_explicitly_and_has_no_pod_range(arm: ArmClient, group: object) -> None:
    profile = (await arm.put(arm.cluster(), body(networkPlugin="azure"))).properties["networkProfile"]
    assert "networkPluginMode" not in profile
    assert "podCidr" not in profile


async def test_aks_writes_ids_in_its_own_casing(arm: ArmClient, group: object) -> None:
    made = (await arm.put(arm.cluster(), body())).body
    assert "/resourcegroups/" in made["id"]
    assert made["type"] == "Microsoft.ContainerService/ManagedClusters"


async def test_the_status_of_a_creation_is_free_text(
    arm: ArmClient, group: object, host: NullHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, seen = host.create, asyncio.Event()

    async def created(cluster: ClusterDocument, progress: Progress) -> None:
        progress("ProvisioningControlPlane")
        await seen.wait()
        await create(cluster, progress)

    monkeypatch.setattr(host, "create", created)
    begun = await arm.ask("PUT", arm.cluster(), body())
    url = begun.headers["Azure-AsyncOperation"]
    async with asyncio.timeout(60):
        while (await arm.get(url)).body["status"] != "ProvisioningControlPlane":
            pass
    seen.set()
    state = await arm.settle(begun)
    assert state["status"] == "Succeeded"
    assert state["endTime"]
    assert host.created[0].name == "aks"


async def test_one_operation_at_a_time(arm: ArmClient, group: object) -> None:
    arm.arm.faults.add("never-ends", method="PUT")
    await arm.ask("PUT", arm.cluster(), body())
    for path in (arm.cluster(), f"{arm.cluster()}/agentPools/data"):
        refused = await arm.ask("PUT", path, body())
        assert (refused.status, refused.code) == (409, "OperationNotAllowed")
        assert "aka.ms/aks-pending-operation" in refused.body["error"]["message"]


async def test_pools_come_after_creation_through_their_own_resource(
    arm: ArmClient, group: object, host: NullHost
) -> None:
    await arm.put(arm.cluster(), body())
    refused = await arm.put(arm.cluster(), body(pool("system"), pool("data", mode="User")))
    assert (refused.status, refused.code) == (400, "BadRequest")
    assert "A new agent pool was introduced" in refused.body["error"]["message"]
    labels = {"count": 3, "mode": "User", "nodeLabels": {"kind": "data"}, "availabilityZones": ["1", "2"]}
    added = await arm.put(f"{arm.cluster()}/agentPools/data", {"properties": labels})
    assert added.properties["provisioningState"] == "Succeeded"
    _, pools = host.scaled[-1]
    assert [(p.name, p.count, p.labels, p.zones) for p in pools][1] == (
        "data",
        3,
        (("kind", "data"),),
        ("1", "2"),
    )


async def test_pools_keep_tags_of_their_own(arm: ArmClient, group: object) -> None:
    await arm.put(arm.cluster(), {**body(pool("system", tags={"made": "first"})), "tags": {"whole": "one"}})
    path, more = f"{arm.cluster()}/agentPools/more", {"count": 1, "tags": {"made": "later"}}
    await arm.put(path, {"properties": more})
    assert (await arm.put(path, {"properties": {"count": 2}})).properties["tags"] == {"made": "later"}
    seen = (await arm.get(arm.cluster())).body
    assert seen["tags"] == {"whole": "one"}
    pools = {p["name"]: p["tags"] for p in seen["properties"]["agentPoolProfiles"]}
    assert pools == {"system": {"made": "first"}, "more": {"made": "later"}}
    refused = await arm.put(path, {"properties": {**more, "tags": {"a/b": "c"}}})
    assert refused.code == "InvalidTagNameCharacters"


async def test_a_pool_is_scaled_and_deleted(arm: ArmClient, group: object, host: NullHost) -> None:
    await arm.put(arm.cluster(), body(pool("system"), pool("data", mode="User")))
    path = f"{arm.cluster()}/agentPools/data"
    scaled = await arm.put(path, {"properties": {"count": 4, "mode": "User"}})
    assert scaled.properties["count"] == 4
    await arm.delete(path)
    assert [p.name for p in host.scaled[-1][1]] == ["system"]
    assert (await arm.delete(f"{arm.cluster()}/agentPools/system")).code == "InvalidParameter"


async def test_a_put_of_the_cluster_scales_and_labels_its_pools(
    arm: ArmClient, group: object, host: NullHost
) -> None:
    await arm.put(arm.cluster(), body(pool("system"), pool("data", 3, "User", nodeLabels={"kind": "data"})))
    read = (await arm.get(arm.cluster())).body
    read["properties"]["agentPoolProfiles"][1] |= {"count": 2, "nodeLabels": {"kind": "other"}}
    answered = await arm.put(arm.cluster(), read)
    assert (answered.status, answered.properties["provisioningState"]) == (200, "Succeeded")
    data = (await arm.get(f"{arm.cluster()}/agentPools/data")).properties
    assert (data["count"], data["nodeLabels"], data["provisioningState"]) == (
        2,
        {"kind": "other"},
        "Succeeded",
    )
    assert [p.count for p in host.scaled[-1][1]] == [1, 2]


async def test_a_cluster_whose_creation_failed_is_made_when_it_is_written_again(
    arm: ArmClient, group: object, host: NullHost
) -> None:
    arm.arm.faults.add("fails-at-end", operation="cluster.put")
    await arm.settle(await arm.ask("PUT", arm.cluster(), body()))
    failed = (await arm.get(arm.cluster())).body
    assert (failed["properties"]["provisioningState"], host.created) == ("Failed", [])
    assert (await arm.put(arm.cluster(), failed)).properties["provisioningState"] == "Succeeded"
    assert [cluster.name for cluster in host.created] == ["aks"]
    pools = (await arm.get(arm.cluster())).properties["agentPoolProfiles"]
    assert [p["provisioningState"] for p in pools] == ["Succeeded"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"networkProfile": {"networkPlugin": "kubenet"}}, "PropertyChangeNotAllowed"),
        ({"networkProfile": {"serviceCidr": "10.9.0.0/16"}}, "PropertyChangeNotAllowed"),
        ({"dnsPrefix": "other"}, "PropertyChangeNotAllowed"),
        ({"agentPoolProfiles": [pool("system", maxPods=99)]}, "PropertyChangeNotAllowed"),
        ({"agentPoolProfiles": []}, "BadRequest"),
    ],
)
async def test_what_a_cluster_was_made_with_stays(
    arm: ArmClient, group: object, change: dict[str, Any], code: str
) -> None:
    await arm.put(arm.cluster(), body())
    changed = body()
    changed["properties"].update(change)
    assert (await arm.put(arm.cluster(), changed)).code == code


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (
            {"properties": {"networkProfile": {"networkPluginMode": "overlay"}}},
            "properties.networkProfile.networkPluginMode",
        ),
        ({"properties": {"networkProfile": {"networkPolicy": "calico"}}}, "networkProfile.networkPolicy"),
        ({"properties": {"supportPlan": "AKSLongTermSupport"}}, "properties.supportPlan"),
        ({"properties": {"aadProfile": {"managed": True}}}, "properties.aadProfile.managed"),
        (
            {"properties": {"apiServerAccessProfile": {"authorizedIPRanges": ["203.0.113.0/24"]}}},
            "properties.apiServerAccessProfile.authorizedIPRanges",
        ),
        ({"sku": {"name": "Base", "tier": "Premium"}}, "sku.tier"),
        ({"identity": {"type": "UserAssigned"}}, "identity.type"),
    ],
)
async def test_what_the_lab_cannot_change_it_does_not_pretend_to_change(
    arm: ArmClient, group: object, change: dict[str, Any], path: str
) -> None:
    await arm.put(arm.cluster(), body(networkPlugin="azure"))
    before = (await arm.get(arm.cluster())).body
    changed = body(networkPlugin="azure")
    changed["properties"].update(change.pop("properties", {}))
    refused = await arm.put(arm.cluster(), {**changed, **change})
    assert (refused.status, refused.code) == (400, "OperationNotAllowed")
    assert refused.body["error"]["message"].startswith("The lab does not change ")
    assert path in refused.body["error"]["message"]
    assert (await arm.get(arm.cluster())).body == before


async def test_an_api_server_does_not_become_private(arm: ArmClient, group: object) -> None:
    await arm.put(arm.cluster(), body())
    changed = body()
    changed["properties"]["apiServerAccessProfile"] = {"enablePrivateCluster": True}
    assert (await arm.put(arm.cluster(), changed)).code == "PropertyChangeNotAllowed"


async def test_a_token_issuer_comes_with_its_address_and_never_goes(arm: ArmClient, group: object) -> None:
    await arm.put(arm.cluster(), body())
    wanted = body()
    wanted["properties"]["oidcIssuerProfile"] = {"enabled": True}
    issuer = (await arm.put(arm.cluster(), wanted)).properties["oidcIssuerProfile"]
    assert issuer["issuerURL"].startswith("https://eastus.oic.prod-aks.azure.com/")
    wanted["properties"]["oidcIssuerProfile"] = {"enabled": False}
    assert (await arm.put(arm.cluster(), wanted)).code == "OIDCIssuerFeatureCannotBeDisabled"


async def test_a_cluster_is_put_as_it_was_read(arm: ArmClient, group: object) -> None:
    await arm.put(arm.cluster(), body())
    read = (await arm.get(arm.cluster())).body
    again = await arm.put(arm.cluster(), {**read, "tags": {"owner": "somebody"}})
    assert (again.status, again.body["tags"]) == (200, {"owner": "somebody"})
    assert again.properties["networkProfile"] == read["properties"]["networkProfile"]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (body(pool("data", mode="User")), "InvalidParameter"),
        (body(pool("Bad-Name")), "InvalidParameter"),
        (body(pool("system", maxPods=9)), "InvalidParameter"),
        (body(pool("system"), pool("more", 0)), "InvalidParameter"),
        (body(pool("system", nodeLabels={"kubernetes.azure.com/mode": "x"})), "InvalidParameter"),
        (body(pool("system", vmSize="Standard_X9")), "BadRequest"),
        (body(pool("system", 40)), "ErrCode_InsufficientVCPUQuota"),
        (body(dnsServiceIP="10.3.0.10"), "InvalidParameter"),
        (body(podCidr="10.0.0.0/12"), "PodCidrOverlapsWithServiceCidr"),
        (body(podCidr="172.30.0.0/16"), "InvalidParameter"),
        (body(serviceCidr="192.0.2.0/24"), "InvalidParameter"),
        (body(pool("system", availabilityZones=["7"])), "AvailabilityZoneNotSupported"),
        (
            {"location": "eastus", "identity": OWN, "properties": {"agentPoolProfiles": [pool("system")]}},
            "DnsPrefixRequired",
        ),
        (
            {
                "location": "eastus",
                "identity": OWN,
                "properties": {"dnsPrefix": "d", "kubernetesVersion": "1.9"},
            },
            "K8sVersionNotSupported",
        ),
    ],
)
async def test_clusters_are_judged_as_aks_judges_them(
    arm: ArmClient, group: object, document: dict[str, Any], code: str
) -> None:
    assert (await arm.put(arm.cluster(), document)).code == code


async def subnet(arm: ArmClient, prefix: str = "120.38.1.0/26") -> str:
    await arm.make_vnet("v", "120.38.1.0/24", prefix)
    return f"{arm.vnet('v')}/subnets/subnet0"


@pytest.mark.parametrize(("max_pods", "status"), [(13, 200), (14, 400)])
async def test_azure_cni_takes_an_address_for_every_pod_beforehand(
    arm: ArmClient, group: object, max_pods: int, status: int
) -> None:
    """Four nodes in a /26 with its 59 usable addresses."""
    wanted = pool("system", 4, maxPods=max_pods, vnetSubnetID=await subnet(arm))
    reply = await arm.put(arm.cluster(), body(wanted, networkPlugin="azure"))
    assert reply.status == status
    if status == 400:
        assert reply.code == "InsufficientSubnetSize"
        assert "Pre-allocated IPs 60 exceeds IPs available 59" in reply.body["error"]["message"]


@pytest.mark.parametrize(
    "profile",
    [{}, {"networkPlugin": "azure", "networkPluginMode": "overlay"}, {"networkPlugin": "kubenet"}],
)
async def test_overlay_and_kubenet_take_an_address_a_node(
    arm: ArmClient, group: object, host: NullHost, profile: dict[str, str]
) -> None:
    place = await subnet(arm)
    wanted = pool("system", 40, vmSize="Standard_D2s_v5", vnetSubnetID=place)
    assert (await arm.put(arm.cluster(), body(wanted, **profile))).status == 200
    assert len((await arm.get(place)).properties["ipConfigurations"]) == 40
    assert host.created[0].pod_cidr == "10.244.0.0/16"


@pytest.mark.parametrize("where", ["cluster", "profile", "pool", "own pool"])
async def test_a_property_that_aks_does_not_know_is_refused_by_name(
    arm: ArmClient, group: object, where: str
) -> None:
    word = {"sshAcces": True}
    wanted = body(pool("system", **word) if where == "pool" else pool("system"))
    if where == "cluster":
        wanted["properties"] |= word
    if where == "profile":
        wanted["properties"]["networkProfile"] = {"networkPlugin": "azure", **word}
    reply = await arm.put(arm.cluster(), wanted)
    if where == "own pool":
        reply = await arm.put(f"{arm.cluster()}/agentPools/more", {"properties": {"count": 1, **word}})
    assert (reply.status, reply.code) == (400, "UnmarshalError")
    assert 'unknown field "sshAcces"' in reply.body["error"]["message"]


@pytest.mark.parametrize(
    ("plan", "tier", "code"),
    [
        (None, "Standard", "K8sVersionNotSupported"),
        ("AKSLongTermSupport", "Standard", "BadRequest"),
        ("AKSLongTermSupport", "Premium", ""),
    ],
)
async def test_an_older_version_comes_with_long_term_support_alone(
    arm: ArmClient, group: object, plan: str | None, tier: str, code: str
) -> None:
    wanted = body(pool("system"))
    wanted["sku"] = {"name": "Base", "tier": tier}
    wanted["properties"] |= {"kubernetesVersion": "1.30", **({"supportPlan": plan} if plan else {})}
    reply = await arm.put(arm.cluster(), wanted)
    if code:
        assert reply.code == code
    else:
        assert reply.properties["currentKubernetesVersion"] == "1.30.104"


async def test_kubenets_route_table_comes_to_the_subnet_and_goes_with_the_cluster(
    arm: ArmClient, group: object
) -> None:
    place = await subnet(arm)
    wanted = pool("system", 2, vnetSubnetID=place)
    before = (await arm.get(arm.vnet("v"))).body["etag"]
    await arm.put(arm.cluster(), body(wanted, networkPlugin="kubenet"))
    assert "/MC_" in (await arm.get(place)).properties["routeTable"]["id"]
    assert (await arm.get(arm.vnet("v"))).body["etag"] != before
    twin = await arm.put(arm.cluster("twin"), body(wanted, networkPlugin="kubenet"))
    assert twin.code == "CustomRouteTableWithUnsupportedMSIType"
    await arm.delete(arm.cluster())
    assert not (await arm.get(place)).properties.get("routeTable")
    assert (await arm.put(arm.cluster("twin"), body(wanted, networkPlugin="kubenet"))).status == 200


async def test_a_subnet_filled_by_another_cluster_is_found_when_the_nodes_come_up(
    arm: ArmClient, group: object
) -> None:
    wanted = pool("system", 4, maxPods=13, vnetSubnetID=await subnet(arm))
    await arm.put(arm.cluster("one"), body(wanted, networkPlugin="azure"))
    begun = await arm.ask("PUT", arm.cluster("two"), body(wanted, networkPlugin="azure"))
    ended = await arm.settle(begun)
    assert (ended["status"], ended["error"]["code"]) == ("Failed", "SubnetIsFull")
    assert (await arm.get(arm.cluster("two"))).properties["provisioningState"] == "Failed"


async def test_service_addresses_may_not_meet_the_subnet(arm: ArmClient, group: object) -> None:
    wanted = pool("system", vnetSubnetID=await subnet(arm), maxPods=13)
    refused = await arm.put(arm.cluster(), body(wanted, networkPlugin="azure", serviceCidr="120.38.1.0/25"))
    assert refused.code == "ServiceCidrOverlapExistingSubnetsCidr"


async def test_service_addresses_meet_no_other_subnet_of_the_network_either(
    arm: ArmClient, group: object
) -> None:
    wanted = pool("system", vnetSubnetID=await subnet(arm), maxPods=13)
    await arm.put(f"{arm.vnet('v')}/subnets/other", {"properties": {"addressPrefix": "120.38.1.128/26"}})
    refused = await arm.put(arm.cluster(), body(wanted, networkPlugin="azure", serviceCidr="120.38.1.128/25"))
    assert refused.code == "ServiceCidrOverlapExistingSubnetsCidr"


async def pod_subnet(arm: ArmClient, prefix: str = "120.38.1.64/26", network: str = "v") -> str:
    path = f"{arm.vnet(network)}/subnets/pods"
    await arm.put(path, {"properties": {"addressPrefix": prefix}})
    return path


async def test_pods_may_have_a_subnet_of_their_own(arm: ArmClient, group: object, host: NullHost) -> None:
    nodes, pods = await subnet(arm), await pod_subnet(arm)
    wanted = pool("system", 3, vnetSubnetID=nodes, podSubnetID=pods)
    assert (await arm.put(arm.cluster(), body(wanted, networkPlugin="azure"))).status == 200
    assert len((await arm.get(nodes)).properties["ipConfigurations"]) == 3
    assert len((await arm.get(pods)).properties["ipConfigurations"]) == 3 * 16
    assert host.created[0].pools[0].pod_subnet_prefix == "120.38.1.64/26"
    assert (await arm.delete(pods)).code == "InUseSubnetCannotBeDeleted"
    more = {"properties": {"count": 1, "mode": "User", "vnetSubnetID": nodes, "podSubnetID": pods}}
    assert (await arm.put(f"{arm.cluster()}/agentPools/more", more)).code == "InsufficientSubnetSize"


@pytest.mark.parametrize(
    ("profile", "change"),
    [
        ({"networkPlugin": "kubenet"}, {}),
        ({"networkPlugin": "azure", "networkPluginMode": "overlay"}, {}),
        ({"networkPlugin": "azure"}, {"vnetSubnetID": None}),
        ({"networkPlugin": "azure"}, {"podSubnetID": "nodes"}),
        ({"networkPlugin": "azure"}, {"podSubnetID": "elsewhere"}),
        ({"networkPlugin": "azure"}, {"podSubnetID": "nowhere"}),
    ],
)
async def test_a_subnet_for_pods_is_azure_cni_s_and_beside_that_of_the_nodes(
    arm: ArmClient, group: object, profile: dict[str, str], change: dict[str, Any]
) -> None:
    nodes = await subnet(arm)
    await arm.make_vnet("w", "10.9.0.0/16")
    places = {
        "nodes": nodes,
        "elsewhere": await pod_subnet(arm, "10.9.0.0/24", "w"),
        "nowhere": f"{arm.vnet('v')}/subnets/nowhere",
    }
    given = {"vnetSubnetID": nodes, "podSubnetID": await pod_subnet(arm), "maxPods": 13, **change}
    given["podSubnetID"] = places.get(given["podSubnetID"], given["podSubnetID"])
    refused = await arm.put(arm.cluster(), body(pool("system", **given), **profile))
    assert (refused.status, refused.code) == (400, "InvalidParameter")


async def test_an_overlay_has_a_block_for_every_node(arm: ArmClient, group: object) -> None:
    wanted = pool("system", 3, vmSize="Standard_D2s_v5")
    refused = await arm.put(arm.cluster(), body(wanted, podCidr="10.244.0.0/23"))
    assert refused.code == "InsufficientPodCidr"
    assert (await arm.put(arm.cluster(), body(wanted, podCidr="10.244.0.0/22"))).status == 200


async def test_without_a_subnet_aks_makes_a_network_of_its_own(
    arm: ArmClient, group: object, host: NullHost
) -> None:
    await arm.put(arm.cluster(), body())
    cluster = host.created[0]
    assert cluster.subnet_prefix == "10.224.0.0/16"
    assert "/resourceGroups/MC_rg_aks_eastus/" in (cluster.vnet_id or "")
    made = await arm.get(cluster.vnet_id or "")
    assert made.properties["addressSpace"]["addressPrefixes"] == ["10.224.0.0/12"]
    await arm.delete(arm.cluster())
    assert (await arm.get(cluster.vnet_id or "")).status == 404


async def test_an_issuer_of_tokens_has_a_url(arm: ArmClient, group: object) -> None:
    wanted = body()
    wanted["properties"]["oidcIssuerProfile"] = {"enabled": True}
    made = (await arm.put(arm.cluster(), wanted)).properties["oidcIssuerProfile"]
    assert made["issuerURL"].startswith("https://eastus.oic.prod-aks.azure.com/")


async def kubeconfig_of(arm: ArmClient, who: str, **properties: Any) -> dict[str, Any]:
    wanted = body()
    wanted["properties"].update(properties)
    await arm.put(arm.cluster(), wanted)
    found = await arm.ask("POST", f"{arm.cluster()}/listCluster{who}Credential")
    if found.status != 200:
        return found.body
    return YAML(typ="safe").load(base64.b64decode(found.body["kubeconfigs"][0]["value"]))


async def test_a_cluster_with_entra_hands_out_a_login_instead_of_a_certificate(
    arm: ArmClient, group: object
) -> None:
    entra = {"managed": True, "tenantID": "5a7e0000-0000-4000-8000-00000000000a"}
    user = await kubeconfig_of(arm, "User", aadProfile=entra)
    assert user["users"][0]["user"]["exec"]["command"] == "kubelogin"
    assert entra["tenantID"] in user["users"][0]["user"]["exec"]["args"]
    assert "token" in (await kubeconfig_of(arm, "Admin", aadProfile=entra))["users"][0]["user"]


async def test_without_local_accounts_there_is_no_admin(arm: ArmClient, group: object) -> None:
    refused = await kubeconfig_of(arm, "Admin", disableLocalAccounts=True)
    assert "disable local accounts" in refused["error"]["message"]


async def test_a_private_cluster_s_name_is_known_in_its_network_only(arm: ArmClient, group: object) -> None:
    private = {"enablePrivateCluster": True}
    config = await kubeconfig_of(arm, "User", apiServerAccessProfile=private)
    shown = (await arm.get(arm.cluster())).properties
    assert "fqdn" not in shown
    assert config["clusters"][0]["cluster"]["server"] == f"https://{shown['privateFQDN']}:443"
    assert ".privatelink.eastus.azmk8s.io" in shown["privateFQDN"]


async def test_the_lab_says_that_it_upgrades_nothing(arm: ArmClient, group: object) -> None:
    await arm.put(arm.cluster(), body())
    newer = body()
    newer["properties"]["kubernetesVersion"] = "1.38"
    refused = await arm.put(arm.cluster(), newer)
    assert (refused.code, refused.body["error"]["target"]) == ("OperationNotAllowed", "kubernetesVersion")


async def test_a_cluster_s_network_is_where_the_cluster_is(arm: ArmClient, group: object) -> None:
    wanted = body(pool("system", maxPods=13, vnetSubnetID=await subnet(arm)), networkPlugin="azure")
    assert (await arm.put(arm.cluster(), {**wanted, "location": "westus2"})).code == "VNetLocationMismatch"


async def test_the_host_learns_all_it_needs(arm: ArmClient, group: object, host: NullHost) -> None:
    wanted = pool("system", 3, maxPods=13, vnetSubnetID=await subnet(arm))
    await arm.put(arm.cluster(), body(wanted, networkPlugin="azure", serviceCidr="10.1.0.0/16"))
    cluster = host.created[0]
    assert (cluster.location, cluster.service_cidr, cluster.dns_service_ip) == (
        "eastus",
        "10.1.0.0/16",
        "10.1.0.10",
    )
    assert (cluster.vnet_id, cluster.subnet_prefix) == (arm.vnet("v"), "120.38.1.0/26")
    assert (cluster.resource_group, cluster.subscription) == ("rg", SUBSCRIPTION)


@pytest.mark.parametrize("who", ["User", "Admin"])
async def test_credentials_are_the_host_s_kubeconfig(arm: ArmClient, group: object, who: str) -> None:
    await arm.put(arm.cluster(), body())
    found = await arm.ask("POST", f"{arm.cluster()}/listCluster{who}Credential")
    config = base64.b64decode(found.body["kubeconfigs"][0]["value"])
    assert f"cluster{who}_aks".encode() in config


async def test_aks_keeps_a_group_of_its_own_until_the_cluster_goes(
    arm: ArmClient, group: object, host: NullHost
) -> None:
    made = (await arm.put(arm.cluster(), body())).body
    own = arm.group("MC_rg_aks_eastus")
    assert (await arm.get(own)).body["managedBy"].lower() == made["id"].lower()
    await arm.delete(arm.cluster())
    assert (await arm.get(own)).status == 404
    assert host.deleted


async def test_a_role_on_the_subnet_is_assigned_once(arm: ArmClient, group: object) -> None:
    scope = await subnet(arm)
    roles = (
        f"{scope}/providers/Microsoft.Authorization/roleDefinitions?$filter=roleName eq 'Network Contributor'"
    )
    role = (await arm.get(roles)).body["value"][0]
    identity = (await arm.put(arm.cluster(), body())).body["identity"]["principalId"]
    properties = {"roleDefinitionId": role["id"], "principalId": identity}
    root = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
    assert (
        await arm.ask("PUT", f"{root}/00000000-0000-4000-8000-000000000001", {"properties": properties})
    ).status == 201
    twin = await arm.ask("PUT", f"{root}/00000000-0000-4000-8000-000000000002", {"properties": properties})
    assert (twin.status, twin.code) == (409, "RoleAssignmentExists")
    listed = (await arm.get(f"{root}?$filter=atScope()")).body["value"]
    assert {entry["properties"]["scope"].lower() for entry in listed} == {
        scope.lower(),
        f"/subscriptions/{SUBSCRIPTION}",
    }


async def test_what_can_be_had_is_listed(arm: ArmClient, group: object) -> None:
    root = f"/subscriptions/{SUBSCRIPTION}/providers"
    await arm.put(arm.cluster(), body(pool("system", 3, vmSize="Standard_D4s_v5")))
    usage = (await arm.get(f"{root}/Microsoft.Compute/locations/eastus/usages")).body["value"][0]
    assert (usage["name"]["value"], usage["currentValue"], usage["limit"]) == ("cores", 12, 100)
    sizes = (await arm.get(f"{root}/Microsoft.Compute/skus?$filter=location eq 'eastus'")).body["value"]
    assert "Standard_D8s_v5" in [size["name"] for size in sizes]
    versions = (await arm.get(f"{root}/Microsoft.ContainerService/locations/eastus/kubernetesVersions")).body[
        "values"
    ]
    assert [v["version"] for v in versions if v["isDefault"]] == ["1.37"]


async def test_a_size_may_be_barred_in_a_location(state_dir: Path, host: NullHost) -> None:
    barred = (("standard_d8s_v5", "eastus"),)
    async with running(state_dir, host, replace(FAST, restricted_sizes=barred)) as arm:
        await arm.put(arm.group(), {"location": "eastus"})
        refused = await arm.put(arm.cluster(), body(pool("system", vmSize="Standard_D8s_v5")))
        assert refused.code == "BadRequest"
        assert "not allowed in your subscription in location 'eastus'" in refused.body["error"]["message"]
        skus = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/skus?$filter=location eq 'eastus'"
        found = {s["name"]: s["restrictions"] for s in (await arm.get(skus)).body["value"]}
        assert found["Standard_D8s_v5"][0]["reasonCode"] == "NotAvailableForSubscription"
        assert found["Standard_D4s_v5"] == []


async def test_a_family_has_a_quota_of_its_own(state_dir: Path, host: NullHost) -> None:
    async with running(state_dir, host, replace(FAST, family_quota=12)) as arm:
        await arm.put(arm.group(), {"location": "eastus"})
        many = body(pool("system", 4, vmSize="Standard_D4s_v5"))
        refused = await arm.put(arm.cluster(), many)
        assert refused.code == "ErrCode_InsufficientVCPUQuota"
        assert "family standardDSv5Family" in refused.body["error"]["message"]
        mixed = body(pool("system", 3, vmSize="Standard_D4s_v5"), pool("more", 3, vmSize="Standard_E4s_v5"))
        assert (await arm.put(arm.cluster(), mixed)).status == 200
        usages = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus/usages"
        found = {u["name"]["value"]: u["currentValue"] for u in (await arm.get(usages)).body["value"]}
        assert (found["cores"], found["standardDSv5Family"], found["standardESv5Family"]) == (24, 12, 12)


@pytest.mark.parametrize(
    ("size", "family"),
    [
        ("Standard_D8s_v5", "standardDSv5Family"),
        ("Standard_D8ds_v5", "standardDDSv5Family"),
        ("Standard_E16as_v4", "standardEASv4Family"),
        ("Standard_DS3_v2", "standardDSv2Family"),
        ("Standard_DS13_v2", "standardDSv2Family"),
        ("Standard_B4ms", "standardBSFamily"),
    ],
)
def test_families_are_named_as_azure_names_them(size: str, family: str) -> None:
    assert machines.family(size) == family


@pytest.mark.parametrize(
    ("size", "number"),
    [
        ("Standard_DS3_v2", 4),
        ("Standard_DS13_v2", 8),
        ("Standard_B4ms", 4),
        ("Standard_D8as_v7", 8),
        ("Standard_D7s_v5", None),
        ("Standard_B3ms", None),
    ],
)
def test_sizes_have_their_processors_and_others_do_not_exist(size: str, number: int | None) -> None:
    assert machines.cores(size) == number


def test_every_location_that_a_topology_may_name_is_there() -> None:
    assert set(LOCATIONS) == ALL


async def test_the_caller_s_permissions_are_told(arm: ArmClient, group: object) -> None:
    found = (await arm.get(f"{arm.group()}/providers/Microsoft.Authorization/permissions")).body["value"]
    assert found[0]["actions"] == ["*"]
