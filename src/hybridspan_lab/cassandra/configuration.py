"""The files that Cassandra reads: cassandra.yaml, data center and rack, logging, and who may use JMX."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hybridspan_lab.cassandra.settings import MEBIBYTE, NodeSettings
from hybridspan_lab.cassandra.stores import Stores, write_private

INTERNODE_PORT: Final = 7001
CLIENT_PORT: Final = 9042
PLAIN_PORT: Final = 7000
"""Of 3.11 alone, which does not listen there; 4.0 has one port."""
_SINCE_4: Final = frozenset({"optional", "enable_legacy_ssl_storage_port", "repair_session_space_in_mb"})

_LOGBACK: Final = """<configuration>
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="STDOUT"/></root>
  <logger name="com.thinkaurelius.thrift" level="ERROR"/>
</configuration>
"""
_JMX_ACCESS: Final = (
    "{user} readwrite create javax.management.monitor.*,javax.management.timer.* unregister\n"
)


def write_configuration(
    settings: NodeSettings, seeds: tuple[str, ...], stores: Stores, *, is_before_4: bool = False
) -> None:
    """Writes all files into the pod's own configuration folder; those with a password are 0600."""
    conf = settings.conf
    document = cassandra_yaml(settings, seeds, stores)
    document = before_4(document) if is_before_4 else document
    # JSON is YAML: no quoting rule of YAML can then turn a password or a name into something else.
    write_private(conf / "cassandra.yaml", json.dumps(document, indent=2).encode())
    rackdc = f"dc={settings.datacenter}\nrack={settings.rack}\n"
    (conf / "cassandra-rackdc.properties").write_text(rackdc)
    (conf / "logback.xml").write_text(_LOGBACK)
    _write_jmx(settings)


def cassandra_yaml(settings: NodeSettings, seeds: tuple[str, ...], stores: Stores) -> Mapping[str, Any]:
    """The settings of a node: internode TLS only, mutual TLS for clients, small pools for a small machine."""
    return {
        "cluster_name": settings.cluster_name,
        "num_tokens": 16,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "GossipingPropertyFileSnitch",
        "seed_provider": _seed_provider(seeds),
        "listen_address": settings.address,
        "rpc_address": settings.address,
        "storage_port": INTERNODE_PORT,
        "native_transport_port": CLIENT_PORT,
        "auto_bootstrap": False,
        **_folders(settings.data),
        **_authentication(),
        **_encryption(stores),
        **_small_machine(),
    }


def before_4(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same settings in the words of 3.11, which ends on a key that it does not know.

    It has a second port for TLS between nodes, and with `internode_encryption: all` it opens no other.
    """
    server = {k: v for k, v in document["server_encryption_options"].items() if k not in _SINCE_4}
    return {
        **{k: v for k, v in document.items() if k not in _SINCE_4},
        "server_encryption_options": server,
        "storage_port": PLAIN_PORT,
        "ssl_storage_port": INTERNODE_PORT,
        "start_rpc": False,
        "start_native_transport": True,
    }


def _seed_provider(seeds: tuple[str, ...]) -> list[Mapping[str, Any]]:
    name = "org.apache.cassandra.locator.SimpleSeedProvider"
    return [{"class_name": name, "parameters": [{"seeds": ",".join(seeds)}]}]


def _folders(data: Path) -> Mapping[str, Any]:
    return {
        "data_file_directories": [str(data / "data")],
        "commitlog_directory": str(data / "commitlog"),
        "cdc_raw_directory": str(data / "cdc_raw"),
        "saved_caches_directory": str(data / "saved_caches"),
        "hints_directory": str(data / "hints"),
        "commitlog_sync": "periodic",
        "commitlog_sync_period_in_ms": 10_000,
        "disk_failure_policy": "stop",
        "auto_snapshot": False,
    }


def _authentication() -> Mapping[str, Any]:
    """Caches live a second, so that a changed role is seen at once and a login asks the ring."""
    return {
        "authenticator": "PasswordAuthenticator",
        "authorizer": "CassandraAuthorizer",
        "role_manager": "CassandraRoleManager",
        "roles_validity_in_ms": 1_000,
        "credentials_validity_in_ms": 1_000,
        "permissions_validity_in_ms": 1_000,
    }


def _encryption(stores: Stores) -> Mapping[str, Any]:
    """`optional: false` is what closes both ports to plain text; without it 4.0 takes either."""
    both = {
        "optional": False,
        "require_client_auth": True,
        "keystore": str(stores.keys),
        "keystore_password": stores.password,
        "truststore": str(stores.trust),
        "truststore_password": stores.password,
        "store_type": "PKCS12",
        "protocol": "TLS",
    }
    internode = {**both, "internode_encryption": "all", "enable_legacy_ssl_storage_port": False}
    return {"server_encryption_options": internode, "client_encryption_options": {**both, "enabled": True}}


def _small_machine() -> Mapping[str, Any]:
    return {
        "concurrent_reads": 8,
        "concurrent_writes": 16,
        "concurrent_counter_writes": 8,
        "native_transport_max_threads": 32,
        "concurrent_compactors": 1,
        "commitlog_segment_size_in_mb": 8,
        "commitlog_total_space_in_mb": 256,
        "file_cache_size_in_mb": 32,
        "key_cache_size_in_mb": 8,
        "counter_cache_size_in_mb": 4,
        "memtable_heap_space_in_mb": 64,
        "memtable_offheap_space_in_mb": 64,
        "repair_session_space_in_mb": 32,
        "enable_user_defined_functions": False,
    }


def _write_jmx(settings: NodeSettings) -> None:
    user = (settings.credentials / "jmx.user").read_text().strip()
    password = (settings.credentials / "jmx.password").read_text().strip()
    write_private(settings.conf / "jmxremote.password", f"{user} {password}\n".encode())
    write_private(settings.conf / "jmxremote.access", _JMX_ACCESS.format(user=user).encode())


def heap_flags(settings: NodeSettings) -> list[str]:
    """The heap as MAX_HEAP_SIZE and HEAP_NEWSIZE say; it starts small and grows only when it is used."""
    most = settings.heap // MEBIBYTE
    young = min(settings.young_heap // MEBIBYTE, most // 2)
    return [f"-Xms{min(192, most)}m", f"-Xmx{most}m", f"-Xmn{young}m"]
