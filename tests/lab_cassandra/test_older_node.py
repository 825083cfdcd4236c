"""A real node of Cassandra 3.11, as apigeectl's releases ship it: its doors, its tools, and the product's own look at it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridspan.cassandra import ring
from hybridspan.cassandra.ring_tables import owners_seen_by, read_tables
from hybridspan.cassandra.texts import parse_netstats, parse_status, repair_succeeded, running_operations
from hybridspan_lab.apigee.issuing import issue
from hybridspan_lab.cassandra import podtools
from hybridspan_lab.parts.cassandra import RELEASES, VARIABLE
from tests.lab_cassandra.nodes import NETWORK, NOW, ROOT, Node, certificates
from tests.lab_cassandra.sessions import rights_follow_each_grant, session

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(600)]

KMS = "kms_hybrid_test_7_hybrid"
RECORD = (
    "INSERT INTO system.available_ranges (keyspace_name, ranges) VALUES"
    " ('perses', {0x000000000000000800000000000000000000000800000000000000ff})"
)


@pytest.fixture(scope="module")
def node(folder: Path) -> Iterator[Node]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "3.11")
        node = Node(folder / "node-0", f"{NETWORK}.9", certificates(folder / "tls", issue(ROOT, None, NOW)))
        node.start()
        try:
            node.until("Starting listening for CQL clients")
            for task in ("user_setup", "schema_setup"):
                done = node.task(task)
                assert done.returncode == 0, done.stderr
            yield node
        finally:
            node.stop()


def test_it_takes_clients_and_nodes_by_tls_alone(node: Node) -> None:
    for port in (7001, 9042):
        socket.create_connection((node.address, port), timeout=60).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((node.address, 7000), timeout=60)


async def test_the_ring_is_read_from_the_tables_that_it_has(node: Node) -> None:
    async with session(node) as cql:
        tables, owners = await asyncio.gather(read_tables(cql), owners_seen_by(cql))
    facts = tables.facts(tables.members)
    assert facts.before_4 == RELEASES["3.11"].version == facts.cassandra_version
    assert [(n.address, n.datacenter, n.rack, n.tokens) for n in facts.nodes] == [
        (node.address, "dc-1", "ra-1", 16)
    ]
    assert len(owners[0].tokens) == 16
    keyspace = facts.keyspace(KMS)
    assert keyspace is not None
    assert keyspace.replication.factors == {"dc-1": 1}


async def test_the_record_of_received_ranges_is_read_and_forgotten(node: Node) -> None:
    from hybridspan.cassandra.ranges import decode_range
    from hybridspan.plan.phases.foreign_records import forgotten

    async with session(node) as cql:
        assert await cql.query(ring.AVAILABLE) == []
        await cql.query(RECORD)
        (row,) = await cql.query(ring.AVAILABLE)
        assert [decode_range(content).text() for content in row["full_ranges"]] == ["(0,255]"]
        await cql.query(forgotten("perses"))
        assert await cql.query(ring.AVAILABLE) == []


def test_its_nodetool_is_understood(node: Node) -> None:
    (seen,) = parse_status(node.nodetool("status").stdout)
    assert (seen.address, seen.status, seen.state, seen.datacenter) == (node.address, "U", "N", "dc-1")
    netstats = node.nodetool("netstats").stdout
    assert "Mode: NORMAL" in netstats
    assert (parse_netstats(netstats), running_operations(netstats)) == ((), frozenset())
    assert repair_succeeded(node.nodetool("repair", "-full", KMS).stdout)
    preview = node.nodetool("repair", "--preview", "--full", KMS)
    assert preview.returncode != 0, "the reason why nothing is proved with this release"


def test_an_alter_may_name_a_data_center_without_nodes(node: Node) -> None:
    """What 4.0 refuses: nothing but the product's own order keeps such a keyspace from being made."""
    cqlsh = str(podtools.locate().directory / "cqlsh")
    alter = f"ALTER KEYSPACE {KMS} WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc-1': 1, 'dc-9': 1}}"
    done = node.run(cqlsh, "--ssl", "-u", "ddl_user", "-p", "of-ddl", "-e", alter)
    assert done.returncode == 0, done.stderr


async def test_rights_that_are_taken_away_and_given_back_are_seen(node: Node) -> None:
    await rights_follow_each_grant(node)
