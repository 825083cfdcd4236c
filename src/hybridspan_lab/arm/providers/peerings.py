"""Peerings: one object a direction, a state machine across two networks.

The first side is Initiated, with the second both turn Connected; when one goes the other falls to Disconnected, and
nothing connects again until that one is deleted or put anew. What a side knows of the other's address space is what
it was when last synced: a change of the space shows in `peeringSyncLevel` until the remote side is put with
`?syncRemoteAddressSpace=true`.
"""

from __future__ import annotations

import uuid
from copy import deepcopy

from hybridspan_lab.arm.context import ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import bad_request, not_provisioned, reference_not_found
from hybridspan_lab.arm.operations import Operation
from hybridspan_lab.arm.paths import parse, same
from hybridspan_lab.arm.providers import addresses
from hybridspan_lab.arm.providers.long_writes import Write
from hybridspan_lab.arm.providers.network_parts import NETWORK, PEER, PEERING, NetworkResource
from hybridspan_lab.arm.providers.peering_documents import FLAGS, check_flags, remote_id, sync_level, synced
from hybridspan_lab.arm.providers.resources import disconnect


class Peerings(NetworkResource):
    """Peerings of a network."""

    type = PEERING
    root = "virtualnetworks"
    puts = Write("peering.put", 0.5, "PutVirtualNetworkPeeringOperation")
    deletes = Write("peering.delete", 0.4, "DeleteVirtualNetworkPeeringOperation")

    def render(self, key: str, document: Document) -> Document:
        shown = {**deepcopy(document), "etag": self.etag(key, document)}
        remote = self.arm.store.get(remote_id(document))
        current = addresses.prefixes(remote) if remote else synced(document)
        shown["properties"]["remoteVirtualNetworkAddressSpace"] = addresses.space(current)
        shown["properties"]["peeringSyncLevel"] = self._sync_level(key, document, remote)
        return shown

    def write(self, request: ArmRequest, existing: Document | None) -> Document:
        network, key = self.parent_of(request), request.target.key
        check_flags(self.properties_of(request))
        remote = self._remote(request, existing)
        self._check_gateways(request, remote)
        self._check_references(request, remote)
        self._check_ranges(request, network, remote)
        self._check_provisioned(request, remote)
        document = self._document(request, network, remote, existing)
        self.arm.store.put(key, document)
        self.touch(key)
        return document

    # ---- refusals

    def _remote(self, request: ArmRequest, existing: Document | None) -> Document:
        named = (self.properties_of(request).get("remoteVirtualNetwork") or {}).get("id")
        if not named:
            message = f"Peering {request.target.path} must name a remote virtual network."
            raise bad_request("InvalidRequestFormat", message)
        if existing is not None and not same(remote_id(existing), named):
            message = (
                f"Cannot change the remote virtual network of peering {request.target.path} from "
                f"{remote_id(existing)} to {named}. Delete the peering and create it again."
            )
            raise bad_request("ChangingRemoteVirtualNetworkOfPeeringNotAllowed", message)
        self.require_linked(request, named, PEER)
        remote = self.arm.store.get(named)
        if remote is None or parse(named).full_type != NETWORK.lower():
            raise reference_not_found(named, request.target.path)
        return remote

    def _check_gateways(self, request: ArmRequest, remote: Document) -> None:
        """The lab has no gateways, so nobody can use one."""
        given = self.properties_of(request)
        if given.get("useRemoteGateways") and given.get("allowGatewayTransit"):
            message = (
                f"Peering {request.target.path} cannot have both allowGatewayTransit and useRemoteGateways."
            )
            raise bad_request("VnetPeeringAllowGatewayTransitAndUseRemoteGatewaysNotAllowed", message)
        if given.get("useRemoteGateways"):
            message = (
                f"Peering {request.target.path} cannot have UseRemoteGateways flag set to true, because remote "
                f"virtual network {remote['id']} referenced by the peering does not have any gateways."
            )
            raise bad_request("RemoteVnetHasNoGateways", message)

    def _check_references(self, request: ArmRequest, remote: Document) -> None:
        path, own = request.target.path, self.root_key(request.target.key)
        for key, other in self.arm.store.children(f"{own}/virtualNetworkPeerings"):
            if key != request.target.key and same(remote_id(other), remote["id"]):
                message = (
                    f"Peering {path} cannot be created: another peering {other['id']} already references remote "
                    f"virtual network {remote['id']}."
                )
                raise bad_request("AnotherPeeringAlreadyReferencesRemoteVnet", message)
        back = self._reverse(request.target.key, remote["id"])
        if back is not None and back[1]["properties"]["peeringState"] == "Disconnected":
            message = (
                f"Cannot create or update peering {path} because remote peering {back[1]['id']} referencing parent "
                "virtual network is in Disconnected state. Update or re-create the remote peering to get it back "
                "to Initiated state. Peering gets Disconnected when remote vnet or remote peering is deleted and "
                "re-created."
            )
            raise bad_request("RemotePeeringIsDisconnected", message)

    def _check_ranges(self, request: ArmRequest, network: Document, remote: Document) -> None:
        theirs = addresses.networks(addresses.prefixes(remote))
        mine = addresses.networks(addresses.prefixes(network))
        if pair := addresses.overlap(mine, theirs):
            message = (
                f"Cannot create or update peering {request.target.path}. Virtual networks {network['id']} and "
                f"{remote['id']} cannot be peered because their address spaces overlap. Overlapping address "
                f"prefixes: {pair[0]}, {pair[1]}"
            )
            raise bad_request("VnetAddressSpacesOverlap", message)
        own = self.root_key(request.target.key)
        for key, other in self.arm.store.children(f"{own}/virtualNetworkPeerings"):
            third = self.arm.store.get(remote_id(other))
            if key == request.target.key or third is None:
                continue
            if pair := addresses.overlap(addresses.networks(addresses.prefixes(third)), theirs):
                message = (
                    f"Cannot create or update peering {request.target.path}. Remote virtual network {remote['id']} "
                    f"overlaps with the address space of the already peered virtual network {third['id']}. "
                    f"Overlapping address prefixes: {pair[1]}, {pair[0]}"
                )
                raise bad_request("VnetAddressSpaceOverlapsWithAlreadyPeeredVnet", message)

    def _check_provisioned(self, request: ArmRequest, remote: Document) -> None:
        holder = self.arm.operations.holding(remote["id"])
        if holder is not None:
            raise not_provisioned(remote["id"], request.target.path, holder.verb)
        for network in (self.parent_of(request), remote):
            if network["properties"]["provisioningState"] == "Failed":
                raise not_provisioned(
                    network["id"], request.target.path, "PutVirtualNetworkOperation", "Failed"
                )

    def also_changed(self, key: str) -> str:
        """The network on the other side: its own peering's state goes with this one's."""
        peering = self.arm.store.get(key)
        return remote_id(peering) if peering else ""

    def refuse_when_busy(self, request: ArmRequest) -> None:
        """A peering during a subnet's PUT is refused with 400; another peering's write locks as usual."""
        holder = self.arm.operations.holding(self.root_key(request.target.key))
        if holder is not None and request.method == "PUT" and holder.action in ("network.put", "subnet.put"):
            network = self.arm.store.get(holder.lock) or {}
            raise not_provisioned(str(network.get("id", "")), request.target.path, holder.verb)
        super().refuse_when_busy(request)
        if request.method == "DELETE":
            self.refuse_when_held(request, self.also_changed(request.target.key))

    def _reverse(self, key: str, remote: str) -> tuple[str, Document] | None:
        """The other direction's key and document, if it exists."""
        own = self.root_key(key)
        others = self.arm.store.children(f"{remote}/virtualNetworkPeerings")
        return next((found for found in others if same(remote_id(found[1]), own)), None)

    def _sync_level(self, key: str, document: Document, remote: Document | None) -> str:
        if document["properties"]["peeringState"] != "Connected":
            return "RemoteNotInSync"
        own, back = self.arm.store.get(self.root_key(key)), self._reverse(key, remote_id(document))
        return sync_level(
            own_known=back is not None
            and own is not None
            and set(synced(back[1])) == set(addresses.prefixes(own)),
            remote_known=remote is not None and set(synced(document)) == set(addresses.prefixes(remote)),
        )

    # ---- the document and what becomes of it

    def _document(
        self, request: ArmRequest, network: Document, remote: Document, existing: Document | None
    ) -> Document:
        given = request.body.get("properties") or {}
        old = (existing or {}).get("properties", {})
        sync = request.query.get("syncremoteaddressspace", "").lower() == "true"
        current = addresses.prefixes(remote)
        fresh = existing is None or sync or old.get("peeringState") == "Disconnected"
        known = current if fresh or existing is None else synced(existing)
        back = self._reverse(request.target.key, remote["id"])
        pair = back[1]["properties"]["resourceGuid"] if back else None
        name = existing["name"] if existing else request.target.name
        return {
            "name": name,
            "id": f"{network['id']}/virtualNetworkPeerings/{name}",
            "properties": {
                "provisioningState": "Updating",
                # Both directions carry the same guid, and the second one reads Connected from its first answer on,
                # long before the first one does (seen in recordings of real traffic).
                "resourceGuid": old.get("resourceGuid") or pair or str(uuid.uuid4()),
                "peeringState": "Connected" if back else "Initiated",
                "remoteVirtualNetwork": {"id": remote["id"]},
                **{flag: bool(given.get(flag, default)) for flag, default in FLAGS.items()},
                "remoteAddressSpace": addresses.space(known),
                "routeServiceVips": {},
            },
            "type": self.type,
        }

    async def ready(self, operation: Operation) -> None:
        document = self.arm.store.get(operation.path)
        if document is None:
            return
        back = self._reverse(operation.path, remote_id(document))
        state = "Initiated" if back is None else "Connected"
        document["properties"].update(provisioningState="Succeeded", peeringState=state)
        self.arm.store.put(operation.path, document)
        self.touch(operation.path)
        if back is not None and back[1]["properties"]["peeringState"] != "Connected":
            back[1]["properties"]["peeringState"] = "Connected"
            self.arm.store.put(*back)
            self.touch(back[0])
        await self.arm.network_changed()

    async def gone(self, operation: Operation) -> None:
        self.arm.store.remove(operation.path)
        self.touch(operation.path)
        disconnect(self.arm, set())
        await self.arm.network_changed()
