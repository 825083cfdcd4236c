"""How a container of a pod is started: program, variables, files and folders."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

from hybridspan_lab.kubeapi import Document
from hybridspan_lab.kubelet import volumes
from hybridspan_lab.kubelet.container import Launch
from hybridspan_lab.kubelet.environment import Lookup, ReferenceMissing, expand, variables
from hybridspan_lab.kubelet.host import Host, Program
from hybridspan_lab.kubelet.podnetwork import PodNetwork
from hybridspan_lab.kubelet.podvolumes import PodVolumes
from hybridspan_lab.kubelet.services import DOMAIN
from hybridspan_lab.sandbox import plain
from hybridspan_lab.sandbox.marked import WORLD_VARIABLE
from hybridspan_lab.sandbox.root import SYSTEM_PATH, Bind, Sandbox


def launch_of(
    pod: Document, container: Document, host: Host, network: PodNetwork, mounted: PodVolumes, program: Program
) -> Launch:
    """Everything that starts `container` once; raises ReferenceMissing."""
    lookup: Lookup = host.lookup(pod["metadata"]["namespace"])
    # The API may not have taken in the address yet, but the program's variables must have it.
    pod = {**pod, "status": {**(pod.get("status") or {}), "podIP": network.address}}
    env = environment(pod, container, host, program, lookup)
    extra = image_secret(program, mounted, host.lookup_near(pod["metadata"]["namespace"]))
    if network.namespace is None:
        return plain_launch(
            pod, container, host, network, (*mounted.binds(container, env), *extra), env, program
        )
    sandbox = Sandbox(
        root=root_directory(host, pod, container),
        network=network.namespace,
        hostname=hostname(pod),
        files=name_files(pod, network, host),
        volumes=(*mounted.binds(container, env), *extra),
        programs=(*program.path, *program.mounts),
    )
    argv = [expand(text, env) for text in arguments(container, program)]
    cwd = container.get("workingDir") or "/"
    return Launch(sandbox.to_document(host.config.cache), argv, env, cwd, container["image"])


def arguments(container: Document, program: Program) -> list[str]:
    """As with an image: a command replaces everything, arguments alone replace the program's own ones."""
    given = container.get("args") or []
    if command := container.get("command"):
        return [*command, *given]
    return [*program.entrypoint, *(given or program.arguments)]


def environment(
    pod: Document, container: Document, host: Host, program: Program, lookup: Lookup
) -> dict[str, str]:
    """A clean environment: nothing of the machine's own gets in."""
    node = host.node(pod["spec"]["nodeName"])
    address, port = host.cluster.kubernetes
    path = ":".join([*(str(directory) for directory in program.path), SYSTEM_PATH])
    base = {
        "PATH": path,
        "HOME": "/root",
        "HOSTNAME": hostname(pod),
        "KUBERNETES_SERVICE_HOST": address,
        "KUBERNETES_SERVICE_PORT": str(port),
        "KUBERNETES_PORT": f"tcp://{address}:{port}",
        **program.env,
    }
    if seed := host.config.first_seed:
        base["CASSANDRA_FIRST_SEED"] = seed
    return base | variables(pod, container, lookup, node.address)


def hostname(pod: Document) -> str:
    """A pod on its node's network has its node's name as well, whatever it says."""
    spec = pod["spec"]
    named = spec.get("nodeName") if spec.get("hostNetwork") else spec.get("hostname")
    return str(named or pod["metadata"]["name"])[:63]


def name_files(pod: Document, network: PodNetwork, host: Host) -> dict[str, str]:
    """Hosts file, resolver's settings and host name."""
    name, namespace = hostname(pod), pod["metadata"]["namespace"]
    subdomain = pod["spec"].get("subdomain")
    full = f"{name}.{subdomain}.{namespace}.svc.{DOMAIN}\t" if subdomain else ""
    aliases = "".join(
        f"{alias['ip']}\t{' '.join(alias['hostnames'])}\n" for alias in pod["spec"].get("hostAliases") or []
    )
    search = f"{namespace}.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}"
    return {
        "/etc/hosts": f"127.0.0.1\tlocalhost\n{network.address}\t{full}{name}\n{aliases}",
        "/etc/resolv.conf": f"search {search}\nnameserver {host.cluster.dns}\noptions ndots:5\n",
        "/etc/hostname": f"{name}\n",
    }


def image_secret(program: Program, mounted: PodVolumes, lookup: Lookup) -> tuple[Bind, ...]:
    """The secret that an image brings with it: the one of the pod's namespace, else the cluster's one of that name."""
    if program.secret_mount is None:
        return ()
    name, target = program.secret_mount
    directory = mounted.directory / ".image-secret"
    try:
        volumes.publish(directory, volumes.object_files("secret", {"secretName": name}, lookup, 0o600))
    except ReferenceMissing:
        return ()
    return (Bind(str(directory), target),)


def root_directory(host: Host, pod: Document, container: Document) -> Path:
    root = host.config.pods_dir / str(pod["metadata"]["uid"]) / "roots" / str(container["name"])
    root.mkdir(parents=True, exist_ok=True)
    return root


def plain_launch(
    pod: Document,
    container: Document,
    host: Host,
    network: PodNetwork,
    binds: tuple[Bind, ...],
    env: dict[str, str],
    program: Program,
) -> Launch:
    """The same container as a process like any other: its paths rewritten, its names and ports told by variables."""
    kept = (sys.prefix, sys.base_prefix, str(plain.SITE.parents[2]), str(host.config.cache))
    root = plain.make(root_directory(host, pod, container), binds, kept)
    short, namespace = hostname(pod), pod["metadata"]["namespace"]
    subdomain = pod["spec"].get("subdomain")
    full = f"{short}.{subdomain}.{namespace}.svc.{DOMAIN}" if subdomain else short
    programs = plain.write_programs(root, short, full, program.path)
    given = {name: root.rewritten(value) for name, value in env.items() if name not in program.env}
    told = plain.variables(root, str(pod["metadata"]["uid"]), network.address, host.cluster.name_server)
    fixed = {
        "PATH": f"{programs}:{env['PATH']}",
        "PYTHONPATH": ":".join(filter(None, [str(plain.SITE), program.env.get("PYTHONPATH", "")])),
        "HYBRIDSPAN_LAB_NAMESPACE": namespace,
        WORLD_VARIABLE: os.environ.get(WORLD_VARIABLE, ""),
        "CASSANDRA_JMX_PORT": str(free_port()),
    }
    argv = [root.rewritten(expand(text, env)) for text in arguments(container, program)]
    cwd = root.rewritten(container.get("workingDir") or "") or str(root.root)
    everything = {**program.env, **given, **told, **fixed}
    return Launch({"plain": True}, argv, everything, cwd, container["image"], root)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def termination_grace(pod: Document) -> float:
    """Seconds between SIGTERM and SIGKILL: what the deletion said, or the pod's own."""
    metadata: dict[str, Any] = pod["metadata"]
    chosen = metadata.get("deletionGracePeriodSeconds")
    return float(pod["spec"].get("terminationGracePeriodSeconds", 30) if chosen is None else chosen)
