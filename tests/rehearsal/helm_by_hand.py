"""A second region with Helm, as a person makes it who has no hybridspan: each documented command, in the documented order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hybridspan.secrets import Secret
from hybridspan.topology import loading
from hybridspan.topology.model import Region
from hybridspan_lab.apigee import cert_manager_manifests
from hybridspan_lab.world.existing import NETWORK_VERSION, ByHand
from hybridspan_lab.world.places import Places
from tests.rehearsal.rig import Rig, eventually

POD = "apigee-cassandra-default-0"
CRDS = ("-k", "apigee-operator/etc/crds/default", "--server-side", "--force-conflicts", "--validate=false")
SYSTEM_KEYSPACES = ("system_auth", "system_distributed", "system_traces")


class Person:
    """Somebody at a shell, with one existing region and one that is to come."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.first, second = loading.load(rig.topology).regions
        # What is made by hand there says the region's location when it makes its group.
        self.second = replace(second, resource_group=f"{second.resource_group}-{second.name}")
        self.namespace = self.first.namespace
        self.charts = rig.charts

    def kubectl(
        self, region: Region, *arguments: str, expect: int | None = 0, stdin: str | None = None
    ) -> str:
        return self.rig.kubectl(region.cluster.name, *arguments, expect=expect, stdin=stdin)

    def helm(self, region: Region, *arguments: str, expect: int | None = 0) -> str:
        """What helm says, on both channels."""
        where = ("--kube-context", region.cluster.name, "--namespace", self.namespace)
        done = self.rig.run("helm", *arguments, *where, expect=expect)
        return done.stdout + done.stderr

    def upgrade(self, region: Region, release: str, chart: str, *more: str, expect: int | None = 0) -> str:
        files = ("-f", str(self.overrides(region)))
        return self.helm(
            region, "upgrade", release, f"{self.charts}/{chart}", "--install", *files, *more, expect=expect
        )

    def overrides(self, region: Region) -> Any:
        return self.rig.directory / region.overrides.name

    def read(self, region: Region, *what: str) -> Any:
        return json.loads(self.kubectl(region, "get", *what, "-n", self.namespace, "-o", "json"))

    # ---- the steps

    def make_network_and_cluster(self) -> None:
        asyncio.run(self._in_azure())

    async def _in_azure(self) -> None:
        places = Places(self.rig.home)
        secret = Secret(places.client_secret.read_text())
        async with ByHand(
            self.rig.environment["HYBRIDSPAN_ARM_ENDPOINT"], places.arm / "ca.pem", secret
        ) as azure:
            await azure.create([self.second])
            for near, far in ((self.first, self.second), (self.second, self.first)):
                remote = {"remoteVirtualNetwork": {"id": network_id(far)}, "allowVirtualNetworkAccess": True}
                path = f"{network_id(near)}/virtualNetworkPeerings/to-{far.name}"
                await azure._put(path, NETWORK_VERSION, {"properties": remote})

    def furnish(self, *, authority: bool = True) -> None:
        """cert-manager, namespace, CA and secrets in the second cluster."""
        for document in cert_manager_manifests.manifests():
            self.apply(document)
        self.kubectl(self.second, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        self.kubectl(self.second, "create", "namespace", self.namespace)
        if authority:
            self.copy("secret", "apigee-ca", "cert-manager")
        for secret in self.read(self.first, "secrets")["items"]:
            if secret["type"] in ("Opaque", "kubernetes.io/tls") and "annotations" not in secret["metadata"]:
                self.copy("secret", secret["metadata"]["name"], self.namespace)

    def copy(self, kind: str, name: str, namespace: str) -> None:
        document = json.loads(self.kubectl(self.first, "get", kind, name, "-n", namespace, "-o", "json"))
        document["metadata"] = {"name": name, "namespace": namespace}
        self.apply(document)

    def apply(self, document: Any, expect: int | None = 0) -> str:
        return self.kubectl(
            self.second, "apply", "--server-side", "-f", "-", stdin=json.dumps(document), expect=expect
        )

    def define(self) -> None:
        _, folder, *flags = CRDS
        self.kubectl(self.second, "apply", "-k", f"{self.charts}/{folder}", *flags)

    def write_overrides(self, **cassandra: Any) -> None:
        """The first region's, with another name, data center and seed."""
        from ruamel.yaml import YAML

        yaml = YAML()
        document = yaml.load(self.overrides(self.first).read_text())
        document["instanceID"] = "prod-aks-centralus"
        document["k8sCluster"]["name"] = self.second.cluster.name
        document["cassandra"] |= {"datacenter": self.second.datacenter, **cassandra}
        yaml.dump(document, self.overrides(self.second))

    def seed(self) -> str:
        return str(self.read(self.first, "pod", POD)["status"]["podIP"])

    def widen_system_keyspaces(self) -> None:
        """And fills system_auth there, or nobody could log in."""
        both = ", ".join(f"'{region.datacenter}': 1" for region in (self.first, self.second))
        replication = f"{{'class': 'NetworkTopologyStrategy', {both}}}"
        for name in SYSTEM_KEYSPACES:
            self.cql(f"ALTER KEYSPACE {name} WITH replication = {replication};")
        for ordinal in range(self.second.cassandra_nodes):
            self.rig.nodetool(self.second.cluster.name, ordinal, "repair", "-full", "system_auth")

    def cql(self, statement: str) -> str:
        """In the first region, as the administrator; the password stays in the pod."""
        login = 'printf "[PlainTextAuthProvider]\\npassword = %s\\n" "$(cat $c/admin.password)" > "$f"'
        shell = f'c=/opt/apigee/credentials; umask 077; f=$(mktemp); {login}; cqlsh --ssl -u admin_user --credentials "$f" -e "$1"'
        return self.in_pod(self.first, "bash", "-c", shell, "-", statement)

    def in_pod(self, region: Region, *command: str, expect: int | None = 0) -> str:
        pod = ("exec", POD, "-n", self.namespace, "-c", "apigee-cassandra", "--")
        return self.kubectl(region, *pod, *command, expect=expect)

    def until_running(self, region: Region, kind: str, seconds: float = 300) -> None:
        def running() -> bool:
            found = self.read(region, kind)["items"]
            return bool(found) and all((d.get("status") or {}).get("state") == "running" for d in found)

        eventually(running, seconds, f"{kind} running in {region.name}")

    def replicate(self, name: str, source: str, *, force: bool = False, organization: str = "") -> None:
        organization = organization or self.read(self.first, "apigeeorg")["items"][0]["metadata"]["name"]
        spec = {"organizationRef": organization, "force": force, "source": {"region": source}}
        self.apply(
            {
                "apiVersion": "apigee.cloud.google.com/v1alpha1",
                "kind": "CassandraDataReplication",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": spec,
            }
        )

    def until_state(self, name: str, states: Sequence[str], seconds: float = 300) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            status = self.read(self.second, "cdr", name).get("status") or {}
            return status if status.get("state") in states else None

        found: dict[str, Any] = eventually(there, seconds, f"{name} in {states}")
        return found

    def details(self) -> dict[str, Any]:
        status = self.read(self.second, "apigeeds", "default")["status"]["cassandraDataReplication"]
        found: dict[str, Any] = status["rebuildDetails"]
        return found


def network_id(region: Region) -> str:
    group = f"/subscriptions/{region.subscription}/resourceGroups/{region.resource_group}"
    return f"{group}/providers/Microsoft.Network/virtualNetworks/{region.network.name}"
