"""Names of a cluster where a pod has no resolver of its own: asks the kubelet's name server on loopback.

`python -m hybridspan_lab.sandbox.names hosts NAME` is the fall-back's `getent`. Imports little: each Python program of a pod loads it.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

SECONDS = 10.0


def lookup(name: str) -> list[str] | None:
    """Addresses of a name of the cluster, short or whole; None where there is no such name or no name server."""
    host, _, port = os.environ.get("HYBRIDSPAN_LAB_NAMES", "").partition(":")
    if not port:
        return None
    namespace = os.environ.get("POD_NAMESPACE") or os.environ.get("HYBRIDSPAN_LAB_NAMESPACE", "default")
    for candidate in (name.rstrip("."), f"{name}.{namespace}.svc.cluster.local", f"{name}.svc.cluster.local"):
        found = ask((host, int(port)), candidate)
        if found:
            return found
    return None


def ask(server: tuple[str, int], name: str) -> list[str]:
    """The addresses in a name server's answer to one question; nothing when it does not answer."""
    labels = b"".join(bytes([len(part)]) + part.encode("idna") for part in name.split(".") if part)
    query = struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(SECONDS)
        try:
            wire.sendto(query, server)
            reply = wire.recv(4096)
        except OSError:
            return []
    count = struct.unpack_from(">H", reply, 6)[0]
    records = reply[len(query) :]
    return [socket.inet_ntoa(records[16 * n + 12 : 16 * n + 16]) for n in range(count)]


def main() -> int:
    """`hosts NAME`: address and name; 2 where there is none, as getent has it."""
    if len(sys.argv) != 3 or sys.argv[1] not in ("hosts", "ahosts", "ahostsv4"):
        return 1
    name = sys.argv[2]
    found = lookup(name)
    if not found and name == os.environ.get("HOSTNAME"):
        found = [os.environ["HYBRIDSPAN_LAB_ADDRESS"]]
    for address in found or []:
        print(f"{address:<15} {name}")
    return 0 if found else 2


if __name__ == "__main__":
    sys.exit(main())
