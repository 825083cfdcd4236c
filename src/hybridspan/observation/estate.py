"""The way to everything live: adapters opened when first asked for, closed together.

One estate serves one run. It knows where credentials come from; what they are used for is the business of steps and of
`gather`. Region names are the topology's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hybridspan.clock import Clock, SystemClock
from hybridspan.errors import PermanentFailure
from hybridspan.secrets import write_private
from hybridspan.topology.model import Region, Topology

if TYPE_CHECKING:
    from hybridspan.apigee.apigeectl import Apigeectl
    from hybridspan.apigee.charts import Charts
    from hybridspan.apigee.helm import Helm
    from hybridspan.apigee.helm_installer import HelmInstaller, HelmRegion
    from hybridspan.azure.gateway import AzureGateway
    from hybridspan.cassandra.region import CassandraRegion
    from hybridspan.kubernetes.cluster import KubernetesCluster

Recorder = Callable[[str, Mapping[str, Any]], None]


def _record_nothing(_kind: str, _document: Mapping[str, Any]) -> None:
    """Looking leaves no record unless a run asks for one."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the person chose for this run."""

    waived: frozenset[str] = frozenset()
    """Names of checks and repairs that the person waives, such as `source-repair`."""


@dataclass
class Memory:
    """What a run decided and cannot be observed; kept by the journal where there is one."""

    values: dict[str, Any] = field(default_factory=dict)

    def decide(self, key: str, value: Any) -> None:
        self.values[key] = value

    def decided(self, key: str) -> Any | None:
        return self.values.get(key)


class Estate:
    """Adapters for every region of a topology."""

    def __init__(
        self,
        topology: Topology,
        *,
        clock: Clock | None = None,
        options: RunOptions | None = None,
        record: Recorder = _record_nothing,
        memory: Any = None,
    ) -> None:
        self.topology = topology
        self.clock = clock or SystemClock()
        self.options = options or RunOptions()
        self.workdir = workdir_of(topology)
        self.record = record
        self._memory = memory or Memory()
        self._gateway: AzureGateway | None = None
        self._clusters: dict[str, KubernetesCluster] = {}
        self._cassandras: dict[str, CassandraRegion] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.workdir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def decide(self, key: str, value: Any) -> None:
        """Keep what cannot be observed."""
        self._memory.decide(key, value)

    def decided(self, key: str) -> Any | None:
        """What was kept under that key, by any earlier run too; None where nothing was."""
        return self._memory.decided(key)

    def azure(self, region: Region) -> AzureGateway:
        """The gateway to Azure; one for all subscriptions, so that what one region's step writes is known to another's."""
        from hybridspan.azure.cloud import AzureCloud
        from hybridspan.azure.gateway import AzureGateway

        if self._gateway is None:
            cloud = AzureCloud.discover(self.topology.azure_endpoint)
            self._gateway = AzureGateway(cloud, region.subscription, self.record, clock=self.clock)
            self._stack.push_async_callback(self._gateway.close)
        return self._gateway

    async def cluster(self, region: Region) -> KubernetesCluster:
        """The region's cluster; PermanentFailure where AKS has none."""
        found = await self.cluster_or_none(region)
        if found is None:
            raise PermanentFailure(
                "HS-KUBE-001",
                f"there is no AKS cluster {region.cluster.name}",
                where=f"{region.name}, resource group {region.resource_group}",
                hint="apply creates it; for the first region it must exist beforehand",
            )
        return found

    async def cluster_or_none(self, region: Region) -> KubernetesCluster | None:
        """The region's cluster, or None where it does not exist yet."""
        async with self._opening.setdefault(f"cluster/{region.name}", asyncio.Lock()):
            if region.name not in self._clusters:
                cluster = await self._connect(region)
                if cluster is None:
                    return None
                self._clusters[region.name] = cluster
                self._stack.push_async_callback(cluster.close)
        return self._clusters[region.name]

    async def _connect(self, region: Region) -> KubernetesCluster | None:
        from hybridspan.kubernetes.cluster import KubernetesCluster, has_context

        if region.cluster.context is not None and has_context(region.cluster.context):
            return await KubernetesCluster.connect(
                None, region.cluster.context, region.cluster.name, self.record
            )
        content = await self.azure(region).credentials(region)
        if content is None:
            return None
        path = self.kubeconfig(region)
        write_private(path, content)
        return await KubernetesCluster.connect(path, None, region.cluster.name, self.record)

    def kubeconfig(self, region: Region) -> Path:
        """The run's own kubeconfig of one context for that region (0600); written when the cluster is opened."""
        return self.workdir / f"kubeconfig-{region.name}"

    async def cassandra(self, region: Region) -> CassandraRegion:
        """The region's Cassandra pods; they need not be up."""
        from hybridspan.cassandra.region import CassandraRegion

        cluster = await self.cluster(region)

        async def secret() -> str:
            from hybridspan.apigee.observe import credentials_secret

            return await credentials_secret(cluster, region.namespace)

        async with self._opening.setdefault(f"cassandra/{region.name}", asyncio.Lock()):
            if region.name not in self._cassandras:
                opened = await CassandraRegion.open(cluster, region, self.record, secret)
                self._cassandras[region.name] = opened
                self._stack.push_async_callback(opened.close)
        return self._cassandras[region.name]

    async def cassandras(self, seen_from: CassandraRegion) -> tuple[CassandraRegion, ...]:
        """Every region that has nodes in the ring, as that one sees it."""
        there = (await seen_from.members()).datacenters
        return tuple([await self.cassandra(r) for r in self.topology.regions if r.datacenter in there])

    async def apigeectl(self, region: Region) -> Apigeectl:
        """The installer with a private kubeconfig of the region's one context."""
        from hybridspan.apigee.apigeectl import Apigeectl

        cluster = await self.cluster(region)
        path = self.workdir / f"apigeectl-{region.name}.kubeconfig"
        cluster.private_kubeconfig(path)
        return Apigeectl(path, self.record)

    async def helm(self, region: Region) -> HelmInstaller:
        """Helm in that region, with the names of the first one."""
        from hybridspan.apigee.helm_installer import HelmInstaller

        own, first = await asyncio.gather(self._helm_region(region), self._helm_region(self.topology.first))
        return HelmInstaller(self.topology, own, first, self._charts(region, own.helm))

    async def plain_helm(self, region: Region) -> Helm:
        """Helm in that region, to look."""
        return (await self._helm_region(region)).helm

    async def charts(self) -> Charts:
        """Apigee's charts, to look whether they are there."""
        return self._charts(self.topology.first, await self.plain_helm(self.topology.first))

    async def _helm_region(self, region: Region) -> HelmRegion:
        from hybridspan.apigee.helm import Helm, HelmPlace
        from hybridspan.apigee.helm_installer import HelmRegion

        cluster = await self.cluster(region)
        path = self.workdir / f"helm-{region.name}.kubeconfig"
        cluster.private_kubeconfig(path)
        place = HelmPlace(path, region.namespace, self.workdir / "helm")
        return HelmRegion(region, cluster, Helm(place, cluster, self.record))

    def _charts(self, region: Region, helm: Helm) -> Charts:
        from hybridspan.apigee.charts import Charts, location_of

        # A folder for each region: two may be installed at once, and the files that overrides name are the region's.
        folder = self.workdir / "charts" / str(region.name)
        return Charts(location_of(self.topology), self.topology.hybrid_version, folder, helm.pull)


def workdir_of(topology: Topology) -> Path:
    """Where the journal, the lock and the run's kubeconfigs lie: beside the topology file, 0700."""
    return topology.path.parent / ".hybridspan" / topology.name
