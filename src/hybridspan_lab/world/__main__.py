"""`python -m hybridspan_lab.world HOME TOPOLOGY SYSTEM_KEYSPACES NETWORK`: started by `lab up`, never by hand."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from hybridspan_lab.network.mode import Mode
from hybridspan_lab.sandbox.namespaces import become_lab_root
from hybridspan_lab.world.places import Places
from hybridspan_lab.world.world import Outermost, serve

NAMESPACES_REFUSED = 77
"""Exit code when the kernel gives no user namespaces."""


def main() -> int:
    """Becomes the lab's root and serves; returns the exit code."""
    home, topology, system_keyspaces, network = sys.argv[1:5]
    places = Places(Path(home))
    outermost = Outermost.current()
    mode: Mode = "loopback" if network == "loopback" else "namespaces"
    try:
        if mode == "namespaces":
            become_lab_root(places.network_names)
    except OSError as error:
        print(f"no namespaces: {error}", file=sys.stderr, flush=True)
        return NAMESPACES_REFUSED
    asyncio.run(serve(places, outermost, topology, system_keyspaces, mode))
    return 0


if __name__ == "__main__":
    sys.exit(main())
