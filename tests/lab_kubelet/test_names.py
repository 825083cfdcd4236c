"""The cluster's names, and the addresses of its services."""

from __future__ import annotations

import asyncio
import struct
import types

import pytest

from hybridspan_lab.kubelet import dns
from hybridspan_lab.kubelet.egress import serve, target_of
from hybridspan_lab.kubelet.netsockets import connect
from hybridspan_lab.kubelet.services import ServiceDirectory


def cache(*objects):
    found = {(o["metadata"]["namespace"], o["metadata"]["name"]): o for o in objects}
    return types.SimpleNamespace(
        objects=found,
        get=lambda namespace, name: found.get((namespace, name)),
        of_namespace=lambda namespace: [o for (space, _), o in found.items() if space == namespace],
    )


def service(name, address, *ports):
    spec = {"clusterIP": address, "ports": [{"name": n, "port": p} for n, p in ports]}
    return {"metadata": {"namespace": "apigee", "name": name}, "spec": spec}


def endpoint(address, hostname="", ready=True):
    return {"addresses": [address], "hostname": hostname, "conditions": {"ready": ready}}


def piece(name, ports, *endpoints):
    labels = {"kubernetes.io/service-name": name}
    metadata = {"namespace": "apigee", "name": f"{name}-x", "labels": labels}
    return {
        "metadata": metadata,
        "ports": [{"name": n, "port": p} for n, p in ports],
        "endpoints": list(endpoints),
    }


@pytest.fixture
def directory():
    services = cache(service("db", "None", ("cql", 9042)), service("hook", "10.0.9.9", ("https", 443)))
    pieces = cache(
        piece("db", [("cql", 9042)], endpoint("1.0.0.7", "db-0"), endpoint("1.0.0.8", "db-1", ready=False)),
        piece("hook", [("https", 9443)], endpoint("1.0.0.9")),
    )
    return ServiceDirectory(services, pieces)


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("db-0.db.apigee.svc.cluster.local", ["1.0.0.7"]),
        ("DB-0.db.apigee.svc.cluster.local.", ["1.0.0.7"]),
        ("db.apigee.svc.cluster.local", ["1.0.0.7"]),
        ("hook.apigee.svc.cluster.local", ["10.0.9.9"]),
        ("db-1.db.apigee.svc.cluster.local", None),
        ("db-9.db.apigee.svc.cluster.local", None),
        ("nothing.apigee.svc.cluster.local", None),
        ("example.com", None),
    ],
)
def test_names_of_the_cluster(directory, name, addresses):
    assert directory.addresses(name) == addresses


def test_a_services_address_leads_to_the_targets_port(directory):
    assert directory.backend("10.0.9.9", 443) == ("1.0.0.9", 9443)


def test_an_unknown_address_leads_nowhere(directory):
    assert directory.backend("10.0.9.9", 80) is None


def test_only_services_with_an_address_need_listeners(directory):
    assert list(directory.virtual_ports()) == [("10.0.9.9", 443)]


def query(name, kind=1):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def lookup(name):
    return {"a.b": ["10.0.0.1", "10.0.0.2"], "empty": []}.get(name)


def test_an_answer_holds_every_address():
    reply = dns.answer(query("a.b"), lookup)
    assert struct.unpack_from(">HHHH", reply) == (7, 0x8580, 1, 2)
    assert reply.endswith(bytes([10, 0, 0, 2]))


def test_an_unknown_name_does_not_exist():
    assert struct.unpack_from(">H", dns.answer(query("x.y"), lookup), 2)[0] & 0xF == dns.NO_SUCH_NAME


def test_a_known_name_has_no_address_of_the_newer_protocol():
    flags, _, answers = struct.unpack_from(">HHH", dns.answer(query("a.b", 28), lookup), 2)
    assert (flags & 0xF, answers) == (dns.OK, 0)


@pytest.mark.parametrize("junk", [b"", b"\0" * 12, query("a.b")[:-6], b"\xff" * 40])
def test_junk_is_no_query(junk):
    with pytest.raises(ValueError):
        dns.answer(junk, lookup)


def test_the_api_server_asks_for_an_address_and_a_port():
    assert target_of("CONNECT 120.38.1.4:10250 HTTP/1.1\r\n\r\n") == ("120.38.1.4", 10250)


async def test_the_proxy_hands_bytes_on(tmp_path):
    async def echo(reader, writer):
        writer.write(await reader.read(100))
        await writer.drain()
        writer.close()

    target = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = target.sockets[0].getsockname()[1]
    proxy = await serve(tmp_path / "s", lambda _address, _port: connect(None, "127.0.0.1", port))
    reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
    writer.write(b"CONNECT 120.38.1.4:10250 HTTP/1.1\r\n\r\n")
    assert b"200" in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"hello")
    assert await reader.read(100) == b"hello"
    for part in (writer, proxy, target):
        part.close()


async def test_outside_the_labs_networks_only_loopback_is_dialled():
    with pytest.raises(ValueError, match="inside the lab"):
        await connect(None, "120.38.1.9", 9042)
