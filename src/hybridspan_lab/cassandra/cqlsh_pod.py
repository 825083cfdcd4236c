"""cqlsh in a pod: the real one, with a cqlshrc that names the pod's certificates, so that `--ssl` alone is enough."""

from __future__ import annotations

import os
import sys
import tempfile
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
        sys.argv[1:1] = [f"--cqlshrc={write_cqlshrc()}"]
    sys.argv[0] = "cqlsh"
    # cqlsh reads sys.argv while it is imported.
    from cqlshlib import cqlshmain

    cqlshmain.main(sys.argv[1:], "")


def write_cqlshrc() -> Path:
    """A private file with the certificates' places; the host is the pod's own address where it runs Cassandra."""
    folder = Path(tempfile.mkdtemp(prefix="cqlsh-"))
    path = folder / "cqlshrc"
    tls = Path(os.environ.get("CASSANDRA_TLS", str(TLS)))
    path.write_text(_CQLSHRC.format(host=os.environ.get("POD_IP", "127.0.0.1"), tls=tls))
    path.chmod(0o600)
    return path


if __name__ == "__main__":
    main()
