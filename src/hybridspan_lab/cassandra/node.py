"""A Cassandra pod's program: writes the node's files, waits for its turn, and becomes the JVM.

`python -m hybridspan_lab.cassandra.node` ends in execve, so the pod's process is the JVM and its log is standard output.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import Final

from hybridspan_lab.cassandra import jvm, podtools
from hybridspan_lab.cassandra.configuration import INTERNODE_PORT, heap_flags, write_configuration
from hybridspan_lab.cassandra.settings import NodeSettings
from hybridspan_lab.cassandra.stores import write_stores
from hybridspan_lab.podroot import own_address

MAIN_CLASS: Final = "org.apache.cassandra.service.CassandraDaemon"
SEED_PODS: Final = 3
"""How many pods of a region are asked by a node that comes back."""
TURN_SECONDS: Final = 90.0
"""How long a first start waits for pod 0 before it tries (and fails, and is restarted) all the same."""


def main() -> None:
    """Never returns: the process becomes Cassandra, or ends with exit code 3 and a sentence."""
    settings = NodeSettings.from_environment(os.environ)
    try:
        settings.conf.mkdir(parents=True, exist_ok=True)
        stores = write_stores(settings.tls, settings.conf)
        podtools.write_ready_probe(settings.conf.parents[1] / "ready-probe.sh", settings.joined)
    except (OSError, ValueError) as error:
        sys.exit(f"ERROR [main] the certificates of this node cannot be used: {error}")
    seeds = choose_seeds(settings)
    runtime = jvm.Runtime.locate()
    write_configuration(settings, seeds, stores, is_before_4=runtime.is_before_4)
    if waits_for_first(settings):
        wait_for(settings.pod_host(0), TURN_SECONDS)
    arguments = command(runtime, settings)
    if own_address():
        arguments[1:1] = [f"-Djdk.net.hosts.file={write_names(settings, seeds)}"]
    os.chdir(settings.conf)
    os.execv(arguments[0], arguments)  # noqa: S606 - no shell is wanted


def choose_seeds(settings: NodeSettings) -> tuple[str, ...]:
    """Whom to ask first.

    A new node of a further region asks the external seed alone. A new node of the first region asks pod 0, which is its own
    seed. A node that has been in a ring asks whoever of its own region has a name by now, too: pod 0 could otherwise
    come back with nobody to ask.
    """
    if settings.has_joined:
        others = [settings.pod_host(n) for n in range(SEED_PODS) if n != settings.ordinal]
        names = [host for host in others if _resolves(host)]
        outside = [settings.external_seed] if settings.external_seed else []
        return (*outside, *names) or (settings.address,)
    if settings.called_first:
        return (settings.called_first,)
    return (settings.address if settings.ordinal == 0 else settings.pod_host(0),)


def waits_for_first(settings: NodeSettings) -> bool:
    """Whether pod 0 must be there first: only when it founds the ring that this node is to join."""
    return settings.ordinal > 0 and not settings.called_first and not settings.has_joined


def write_names(settings: NodeSettings, seeds: tuple[str, ...]) -> Path:
    """A hosts file for Java, which knows the cluster's names from nowhere else where the pod has no resolver of its own."""
    lines = ["127.0.0.1 localhost", f"{settings.address} {settings.pod_name} {socket.gethostname()}"]
    for host in seeds:
        if _resolves(host) and host != settings.address:
            found = socket.getaddrinfo(host, INTERNODE_PORT, socket.AF_INET)
            lines.append(f"{found[0][4][0]} {host}")
    path = settings.conf / "hosts"
    path.write_text("\n".join(lines) + "\n")
    return path


def wait_for(host: str, seconds: float) -> None:
    """Returns when the host's internode port accepts, or after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((host, INTERNODE_PORT), timeout=1):
                return
        except OSError:
            time.sleep(0.2)


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, INTERNODE_PORT, socket.AF_INET)
    except OSError:
        return False
    return True


def command(runtime: jvm.Runtime, settings: NodeSettings) -> list[str]:
    """The JVM's argument list; it names files with passwords, never a password."""
    return [
        str(runtime.java),
        *jvm.module_flags(),
        *heap_flags(settings),
        *jvm.node_flags(),
        *jvm.archive_flags(runtime),
        *_properties(settings.conf, settings.data),
        "-cp",
        runtime.cassandra_classpath,
        MAIN_CLASS,
    ]


def _properties(conf: Path, data: Path) -> list[str]:
    """Cassandra's own properties: where its files are, JMX with a password, and waits cut to a small ring's needs."""
    temporary = conf / "tmp"
    temporary.mkdir(exist_ok=True)
    data.mkdir(parents=True, exist_ok=True)
    jmx_port = os.environ.get("CASSANDRA_JMX_PORT", str(jvm.JMX_PORT))
    values = {
        "cassandra.config": (conf / "cassandra.yaml").as_uri(),
        "cassandra-rackdc.properties": (conf / "cassandra-rackdc.properties").as_uri(),
        "logback.configurationFile": str(conf / "logback.xml"),
        "cassandra.storagedir": str(data),
        "cassandra-foreground": "yes",
        "java.io.tmpdir": str(temporary),
        "jdk.attach.allowAttachSelf": "true",
        # Where all nodes share the machine's network, JMX listens on loopback only.
        f"cassandra.jmx.{'local' if own_address() else 'remote'}.port": jmx_port,
        "com.sun.management.jmxremote.rmi.port": jmx_port,
        "com.sun.management.jmxremote.authenticate": "true",
        "com.sun.management.jmxremote.password.file": str(conf / "jmxremote.password"),
        "com.sun.management.jmxremote.access.file": str(conf / "jmxremote.access"),
        "java.rmi.server.hostname": "127.0.0.1",
        **_SHORT_WAITS,
    }
    return [f"-D{name}={value}" for name, value in values.items()]


_SHORT_WAITS: Final = {
    # The time in which a seed must answer: short enough to fail soon, long enough for a machine that starts six nodes.
    "cassandra.ring_delay_ms": "12000",
    "cassandra.skip_wait_for_gossip_to_settle": "0",
    "cassandra.consistent.rangemovement": "false",
    "cassandra.superuser_setup_delay_ms": "0",
    "cassandra.shutdown_announce_in_ms": "500",
    "cassandra.auth_bcrypt_gensalt_log2_rounds": "4",
    "cassandra.memtable_row_overhead_computation_step": "1000",
}


if __name__ == "__main__":
    main()
