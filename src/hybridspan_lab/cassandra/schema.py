"""Keyspaces and tables of the shape that an Apigee installation has: developers, apps, credentials, products, key-value
maps, quota counters and cache entries with a time to live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KEYSPACE_KINDS: Final = ("cache", "kms", "kvm", "quota")
SHARED_KEYSPACE: Final = "perses"
MOST_REPLICAS: Final = 3
DAY: Final = 86_400

TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "kms": {
        "developer": "(id uuid PRIMARY KEY, email text, first_name text, last_name text, status text,"
        " created_at timestamp, attributes map<text, text>)",
        "app": "(id uuid PRIMARY KEY, developer_id uuid, name text, status text, callback_url text,"
        " created_at timestamp, attributes map<text, text>)",
        "app_credential": "(consumer_key text PRIMARY KEY, consumer_secret text, app_id uuid, status text,"
        " api_products set<text>, issued_at timestamp, expires_at timestamp)",
        "api_product": "(name text PRIMARY KEY, display_name text, environments set<text>, proxies set<text>,"
        " quota int, created_at timestamp)",
    },
    "kvm": {
        "kvm_map": "(scope text, name text, encrypted boolean, PRIMARY KEY (scope, name))",
        "kvm_entry": "(map text, key text, value text, updated_at timestamp, PRIMARY KEY (map, key))",
    },
    "quota": {
        "quota_counter": "(identifier text PRIMARY KEY, used bigint, window_start timestamp)"
        f" WITH default_time_to_live = {DAY}",
    },
    "cache": {
        "cache_entry": "(key text PRIMARY KEY, value blob, created_at timestamp)"
        f" WITH default_time_to_live = {DAY}",
    },
    "perses": {
        "node_status": "(node text PRIMARY KEY, status text, seen_at timestamp)",
    },
}
"""Kind of keyspace → table → its columns and options."""


def keyspaces(organization: str) -> Mapping[str, str]:
    """Kind → keyspace, such as kms → `kms_hybrid_test_7_hybrid`."""
    suffix = f"{organization.replace('-', '_')}_hybrid"
    return {**{kind: f"{kind}_{suffix}" for kind in KEYSPACE_KINDS}, SHARED_KEYSPACE: SHARED_KEYSPACE}


def statements(organization: str, datacenter: str, nodes: int) -> list[str]:
    """CREATE statements that leave alone what exists; the factor is three, or the number of nodes where there are fewer."""
    factor = min(MOST_REPLICAS, nodes)
    replication = f"{{'class': 'NetworkTopologyStrategy', '{datacenter}': {factor}}}"
    made = []
    for kind, keyspace in keyspaces(organization).items():
        made.append(f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}")
        made += [
            f"CREATE TABLE IF NOT EXISTS {keyspace}.{table} {form}" for table, form in TABLES[kind].items()
        ]
    return made
