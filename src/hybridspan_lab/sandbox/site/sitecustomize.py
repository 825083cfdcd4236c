"""Loaded by every Python program in a pod of the fall-back: the cluster's names resolve although the machine knows none of them."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from hybridspan_lab.sandbox.names import lookup

_resolve = socket.getaddrinfo


def resolve(host: Any, *rest: Any, **options: Any) -> Any:
    """As ever for addresses and localhost; every other name is the cluster's, and none is asked of the world outside."""
    if not isinstance(host, str) or host in ("", "localhost") or is_address(host):
        return _resolve(host, *rest, **options)
    found = lookup(host)
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, f"no such name in the cluster: {host}")
    return [entry for address in found for entry in _resolve(address, *rest, **options)]


def is_address(text: str) -> bool:
    """Whether the text is an address rather than a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


socket.getaddrinfo = resolve
