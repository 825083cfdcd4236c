"""What can be had: Kubernetes versions, machine sizes and quota of a location, and the caller's own permissions."""

from __future__ import annotations

from hybridspan_lab.arm.access import action_elsewhere
from hybridspan_lab.arm.context import Answer, Arm, ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.locations import ALL, ZONAL, check_location
from hybridspan_lab.arm.providers import machines
from hybridspan_lab.arm.providers.lists import paged


class Catalogue:
    """The read-only lists that are asked before anything is made."""

    def __init__(self, arm: Arm) -> None:
        self.arm = arm

    def answer(self, request: ArmRequest) -> Answer | None:
        """The answer to one of these lists; None if the path is somebody else's."""
        if request.method != "GET":
            return None
        segments = request.target.key.strip("/").split("/")
        match segments:
            case [*_, "providers", "microsoft.authorization", "permissions"]:
                self._require(request)
                roles = self.arm.access.granted(request.target.scope, request.bearer.object_id)
                return paged(request, [role.permissions() for role in roles], self.arm.settings.page_size)
            case ["subscriptions", _, "providers", "microsoft.compute", "skus"]:
                self._require(request)
                return paged(request, self._sizes(request), 1000)
            case [
                "subscriptions",
                subscription,
                "providers",
                "microsoft.compute",
                "locations",
                place,
                "usages",
            ]:
                self._require(request)
                return Answer(200, {"value": self._usages(subscription, place)})
            case [
                "subscriptions",
                _,
                "providers",
                "microsoft.containerservice",
                "locations",
                place,
                "kubernetesversions",
            ]:
                self._require(request)
                check_location(place, "Microsoft.ContainerService/locations")
                return Answer(200, {"values": self._versions()})
        return None

    def _require(self, request: ArmRequest) -> None:
        self.arm.access.require(request.bearer, action_elsewhere(request.target.path), request.target.scope)

    def _sizes(self, request: ArmRequest) -> list[Document]:
        _, _, place = request.query.get("$filter", "").partition(" eq ")
        chosen = place.strip().strip("'").lower()
        found = []
        for location in [chosen] if chosen in ALL else sorted(ALL):
            zones = ("1", "2", "3") if location in ZONAL else ()
            barred = self.arm.settings.restricted_sizes
            listed = dict.fromkeys((*machines.LISTED, *self.arm.settings.further_sizes))
            found += [machines.sku_document(size, location, zones, barred) for size in listed]
        return found

    def _usages(self, subscription: str, place: str) -> list[Document]:
        location = check_location(place, "Microsoft.Compute/locations")
        taken = machines.used(self.arm.store.all, subscription, location)
        return machines.usage_documents(taken, self.arm.settings.quotas)

    def _versions(self) -> list[Document]:
        """Minor versions with their patches, as `az aks get-versions` reads them."""
        offered = self.arm.settings.kubernetes_versions
        default = offered[-1]
        return [
            {
                "version": ".".join(version.split(".")[:2]),
                "isDefault": version == default,
                "isPreview": False,
                "capabilities": {
                    "supportPlan": [
                        "AKSLongTermSupport",
                        *(["KubernetesOfficial"] if version in offered else []),
                    ]
                },
                "patchVersions": {version: {"upgrades": [v for v in offered if v > version]}},
            }
            for version in (*self.arm.settings.long_term_versions, *offered)
        ]
