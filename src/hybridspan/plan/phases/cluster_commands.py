"""What a person types for a cluster: made with one pool, completed pool by pool, its credentials fetched."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from hybridspan.facts.azure import ClusterFacts, NodePoolFacts
from hybridspan.plan.model import Command
from hybridspan.plan.phases.networks import options_of, unless
from hybridspan.plan.phases.networks import place as network_place
from hybridspan.topology import azure_ids
from hybridspan.topology.model import NodePool, Region, Subnet


def place(region: Region) -> tuple[str, ...]:
    """The options that say where the region's cluster lies."""
    return options_of(azure_ids.cluster_place(region))


def commands(
    region: Region,
    like: ClusterFacts,
    mended: Sequence[tuple[str, ...]] = (),
    growing: Sequence[tuple[NodePool, NodePoolFacts]] = (),
) -> tuple[Command, ...]:
    """All of it, in order; `mended` write again what has failed, `growing` are pools beside what they are now."""
    again = [Command(argv) for argv in mended]
    raised = [command for pool, own in growing for command in _raise(region, pool, own)]
    show = ("az", "aks", "show", *place(region), "--name", region.cluster.name)
    head, *others = sorted(region.cluster.node_pools, key=lambda p: p.mode != "System")
    subnets = f"SUBNET={_subnet_query(region, region.network.subnet)}\n"
    if region.network.pod_subnet:
        subnets += f"PODS={_subnet_query(region, region.network.pod_subnet)}\n"
    created = Command(script=subnets + unless(show, _create(region, like, head)))
    added = [Command(script=_add_pool(region, pool)) for pool in others]
    return (created, *again, *added, *raised, _fetched(region))


def _fetched(region: Region) -> Command:
    """The context that all later commands name, in the first file of the kubeconfig: kubectl believes that one most."""
    options = ("--name", region.cluster.name, "--context", region.context, "--overwrite-existing")
    fetch = shlex.join(("az", "aks", "get-credentials", *place(region), *options))
    script = f"""FILE=$(sed -E 's/^:+//; s/:.*//' <<<"${{KUBECONFIG:-}}")
{fetch} --file "${{FILE:-$HOME/.kube/config}}\""""
    return Command(script=script, comment=f"The context {region.context}.", gist=fetch)


def write_again(region: Region) -> tuple[str, ...]:
    """Has Azure finish a cluster that failed: all as it is, written once more."""
    return ("az", "aks", "update", *place(region), "--name", region.cluster.name, "--yes")


def write_pool_again(region: Region, pool: NodePoolFacts) -> tuple[str, ...]:
    """The same for a pool; az wants an option, and takes the mode that the pool has."""
    of = (*place(region), "--cluster-name", region.cluster.name, "--name", pool.name)
    return ("az", "aks", "nodepool", "update", *of, "--mode", pool.mode)


def owners_move(command: Sequence[str]) -> str:
    """What the owner of something that failed does about it."""
    return (
        f"its owner should see why (az monitor activity-log list), then write it again: {shlex.join(command)}"
    )


def _raise(region: Region, pool: NodePool, own: NodePoolFacts) -> list[Command]:
    """Only what differs: az's `--labels` replaces all that there are."""
    of = (*place(region), "--cluster-name", region.cluster.name, "--name", pool.name)
    found: list[Command] = []
    if pool.count > own.count:
        found.append(_scaled(of, pool.count))
    if set(pool.labels) != set(own.labels):
        labels = [f"{key}={value}" for key, value in pool.labels]
        found.append(Command(("az", "aks", "nodepool", "update", *of, "--labels", *labels)))
    return found


def _scaled(of: Sequence[str], count: int) -> Command:
    """Never fewer nodes, and not once more: az refuses the count that the pool has."""
    look = shlex.join(("az", "aks", "nodepool", "show", *of, "--query", "count", "--out", "tsv"))
    scale = shlex.join(("az", "aks", "nodepool", "scale", *of, "--node-count", str(count)))
    return Command(script=f"COUNT=$({look})\n(( COUNT >= {count} )) ||\n  {scale}", gist=scale)


def _subnet_query(region: Region, subnet: Subnet) -> str:
    names = ("--vnet-name", region.network.name, "--name", subnet.name)
    return f"$({shlex.join(('az', 'network', 'vnet', 'subnet', 'show', *network_place(region), *names))} --query id --out tsv)"


def _create(region: Region, like: ClusterFacts, pool: NodePool) -> str:
    declared = region.cluster
    version = declared.kubernetes_version or like.kubernetes_version
    network = ["--network-plugin", like.network_plugin]
    if like.network_plugin_mode:
        network += ["--network-plugin-mode", like.network_plugin_mode]
    network += ["--service-cidr", str(declared.service_cidr)]
    network += ["--dns-service-ip", str(declared.service_cidr.network_address + 10)]
    if declared.pod_cidr is not None and not like.pods_are_routable:
        network += ["--pod-cidr", str(declared.pod_cidr)]
    argv = [
        *("az", "aks", "create", "--name", declared.name, "--location", region.name, *place(region)),
        *(("--kubernetes-version", version) if version else ()),
        *network,
        *("--nodepool-name", pool.name, *_pool_options(pool, "--nodepool-labels")),
        *("--load-balancer-sku", "standard", *_support(like)),
        *("--enable-oidc-issuer", "--enable-workload-identity", "--no-ssh-key"),
    ]
    return f"{shlex.join(argv)} {_in_subnets(region)}"


def _support(like: ClusterFacts) -> tuple[str, ...]:
    if like.is_long_term:
        return ("--tier", "premium", "--k8s-support-plan", "AKSLongTermSupport")
    return ("--tier", "standard")


def _in_subnets(region: Region) -> str:
    pods = ' --pod-subnet-id "$PODS"' if region.network.pod_subnet else ""
    return f'--vnet-subnet-id "$SUBNET"{pods}'


def _add_pool(region: Region, pool: NodePool) -> str:
    of = (*place(region), "--cluster-name", region.cluster.name, "--name", pool.name)
    add = ("az", "aks", "nodepool", "add", *of, "--mode", pool.mode, *_pool_options(pool, "--labels"))
    return unless(("az", "aks", "nodepool", "show", *of), f"{shlex.join(add)} {_in_subnets(region)}")


def _pool_options(pool: NodePool, labels: str) -> list[str]:
    options = ["--node-count", str(pool.count), "--node-vm-size", pool.vm_size]
    if pool.max_pods is not None:
        options += ["--max-pods", str(pool.max_pods)]
    if pool.zones:
        options += ["--zones", *pool.zones]
    if pool.labels:
        options += [labels, *(f"{key}={value}" for key, value in pool.labels)]
    return options
