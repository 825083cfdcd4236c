"""Logs in as ordinary roles through every node, over and over, and counts who was refused.

    python -m hybridspan_lab.cassandra.logins --create --roles 30
    python -m hybridspan_lab.cassandra.logins --roles 30 --nodes 120.38.1.9,120.38.1.10 --seconds 60

A login is the first exchange of the native protocol (version 4): STARTUP, AUTHENTICATE, AUTH_RESPONSE, AUTH_SUCCESS. It is
spoken here by hand because a driver would hide one node's refusal behind another's yes. Runs in a Cassandra pod; the
last line printed is a JSON object.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import sys
import time
from collections.abc import Sequence
from typing import Final

from hybridspan_lab.cassandra.fill import ends_by_signal
from hybridspan_lab.cassandra.session import PodSurroundings, connect, tls_context

PORT: Final = 9042
LOGIN_SECONDS: Final = 10.0
STARTUP, AUTHENTICATE, AUTH_RESPONSE, AUTH_SUCCESS = 0x01, 0x03, 0x0F, 0x10
VERSION: Final = 4
PASSWORD: Final = "rehearsal"  # noqa: S105 - roles of a rehearsal, without any right
PAUSE_SECONDS: Final = 0.02
SHOWN: Final = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every login was accepted."""
    options = parse(arguments)
    surroundings = PodSurroundings.from_environment()
    if options.create:
        create(surroundings, options.roles)
        return 0
    nodes = options.nodes.split(",")
    result = watch(surroundings, roles(options.roles), nodes, options.seconds)
    print(json.dumps(result), flush=True)
    return 1 if result["failed"] else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hybridspan-logins")
    parser.add_argument("--roles", type=int, default=30)
    parser.add_argument("--create", action="store_true", help="make the roles, as admin_user")
    parser.add_argument("--nodes", default="", help="addresses, with commas")
    parser.add_argument("--seconds", type=float, default=None, help="without it: one round through all")
    return parser.parse_args(arguments)


def roles(count: int) -> list[str]:
    return [f"rehearsal_{number:02}" for number in range(count)]


def create(surroundings: PodSurroundings, count: int) -> None:
    with connect(surroundings, surroundings.login("admin")) as session:
        for role in roles(count):
            session.execute(f"CREATE ROLE IF NOT EXISTS {role} WITH LOGIN = true AND PASSWORD = '{PASSWORD}'")


def watch(
    surroundings: PodSurroundings, names: Sequence[str], nodes: Sequence[str], seconds: float | None
) -> dict[str, object]:
    """Every role through every node, again and again until the time is over or SIGTERM comes; at least once."""
    began, logins, failures = time.monotonic(), 0, []
    with ends_by_signal() as ended:
        while True:
            for role in names:
                for node in nodes:
                    logins += 1
                    if reason := refusal(surroundings, node, role):
                        failures.append(
                            f"{role} through {node} after {time.monotonic() - began:.1f} s: {reason}"
                        )
                time.sleep(PAUSE_SECONDS)
                if ended():
                    break
            if ended() or seconds is None or time.monotonic() - began > seconds:
                return {"logins": logins, "failed": len(failures), "examples": failures[:SHOWN]}


def refusal(surroundings: PodSurroundings, node: str, role: str) -> str:
    """Why the node did not let the role in; empty where it did."""
    try:
        with (
            socket.create_connection((node, PORT), LOGIN_SECONDS) as plain,
            tls_context(surroundings.tls).wrap_socket(plain) as wire,
        ):
            _send(wire, STARTUP, _string_map({"CQL_VERSION": "3.0.0"}))
            opcode, body = _receive(wire)
            if opcode == AUTHENTICATE:
                token = f"\0{role}\0{PASSWORD}".encode()
                _send(wire, AUTH_RESPONSE, struct.pack(">i", len(token)) + token)
                opcode, body = _receive(wire)
            return "" if opcode == AUTH_SUCCESS else body[6:].decode(errors="replace")
    except OSError as error:
        return str(error)


def _string_map(values: dict[str, str]) -> bytes:
    texts = [text.encode() for pair in values.items() for text in pair]
    return struct.pack(">H", len(values)) + b"".join(struct.pack(">H", len(t)) + t for t in texts)


def _send(wire: socket.socket, opcode: int, body: bytes) -> None:
    wire.sendall(struct.pack(">BBhBi", VERSION, 0, 0, opcode, len(body)) + body)


def _receive(wire: socket.socket) -> tuple[int, bytes]:
    _, _, _, opcode, length = struct.unpack(">BBhBi", _exactly(wire, 9))
    return opcode, _exactly(wire, length)


def _exactly(wire: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        part = wire.recv(size - len(content))
        if not part:
            raise ConnectionError("the node closed the connection")
        content += part
    return content


if __name__ == "__main__":
    sys.exit(main())
