"""What managed clusters and agent pools share: one lock, one quota, one way to end."""

from __future__ import annotations

import uuid

from hybridspan_lab.arm.context import ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import ArmError, bad_request
from hybridspan_lab.arm.providers import machines
from hybridspan_lab.arm.providers.cluster_documents import CLUSTER
from hybridspan_lab.arm.providers.long_writes import LongWritten
from hybridspan_lab.arm.providers.members import members


def check_members(properties: Document, what: str) -> None:
    """ArmError 400 for a property that AKS does not know."""
    unknown = set(properties) - members(what)
    if unknown:
        message = f'UnmarshalEntity encountered error: json: unknown field "{min(unknown)}".'
        raise bad_request("UnmarshalError", message)


class ClusterPart(LongWritten):
    """What clusters and agent pools share."""

    root = "managedclusters"

    def refuse_when_busy(self, request: ArmRequest) -> None:
        """ArmError 409 while an operation on the cluster or a pool of it runs."""
        holder = self.arm.operations.holding(self.root_key(request.target.key))
        if holder is None:
            return
        held = self.arm.store.get(holder.path)
        state = held["properties"]["provisioningState"] if held else holder.verb
        if "/agentpools/" in holder.path:
            what = f"Another agentpool operation ({holder.path.rsplit('/', 1)[1]} - {state}) is in progress"
        else:
            what = f"Another operation ({state}) is in progress on the managed cluster"
        message = (
            f"Operation is not allowed: {what}, please wait for it to finish before starting a new operation. "
            "See https://aka.ms/aks-pending-operation for more details"
        )
        raise ArmError(409, "OperationNotAllowed", message)

    def check_quota(self, cluster: Document, pools: list[Document]) -> None:
        """ArmError 400 when a cluster's pools need machines, or more virtual CPUs, than the location has for them."""
        subscription, location = cluster["id"].split("/")[2], cluster["location"]
        for pool in pools:
            machines.check_size(pool["properties"]["vmSize"], location, self.arm.settings.restricted_sizes)
        own = f"{cluster['id'].lower()}/"
        taken = machines.used(self.arm.store.all, subscription, location, own)
        machines.check_quota(pools, taken, self.arm.settings.quotas, location)

    def settle(self, key: str, state: str) -> None:
        """Sets the provisioning state and, as it is a change, a new etag."""
        if document := self.arm.store.get(key):
            document["properties"]["provisioningState"] = state
            place = document if document["type"] == CLUSTER else document["properties"]
            place["eTag"] = str(uuid.uuid4())
            self.arm.store.put(key, document)

    def tagged(self, document: Document) -> None:
        document["eTag"] = str(uuid.uuid4())

    def settle_pools(self, cluster_key: str, state: str) -> None:
        """Sets the state of all pools of a cluster."""
        for key, _ in list(self.arm.store.children(f"{cluster_key}/agentPools")):
            self.settle(key, state)
