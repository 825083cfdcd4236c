"""cqlsh in a pod: the real one, with a cqlshrc that names the pod's certificates, so that `--ssl` alone is enough."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

TLS: Final = Path("/opt/apigee/ssl")
_CQLSHRC: Final = """[connection]
hostname = {host}
port = 9042
factory = cqlshlib.ssl.ssl_transport_factory

[ssl]
certfile = {tls}/ca.crt
validate = true
userkey = {tls}/tls.key
usercert = {tls}/tls.crt
"""


def main() -> None:
    """Runs cqlsh with the arguments given; `--cqlshrc` of one's own wins."""
    if not any(argument.startswith("--cqlshrc") for argument in sys.argv):
        sys.argv[1:1] = [f"--cqlshrc={cqlshrc()}"]
    sys.argv[0] = "cqlsh"
    # cqlsh reads sys.argv while it is imported.
    from cqlshlib import cqlshmain

    cqlshmain.main(sys.argv[1:], "")


def cqlshrc() -> str:
    """Opens a file in memory that names the certificates' places; the host is the pod's own address where it runs Cassandra.

    Nothing of it is left however cqlsh ends. Its path is of use to the processes of COPY too.
    """
    tls = os.environ.get("CASSANDRA_TLS", str(TLS))
    file = os.memfd_create("cqlshrc")
    os.write(file, _CQLSHRC.format(host=os.environ.get("POD_IP", "127.0.0.1"), tls=tls).encode())
    return f"/proc/{os.getpid()}/fd/{file}"


if __name__ == "__main__":
    main()
