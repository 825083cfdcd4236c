"""The guardrails pod of a release: looks at the cluster before helm changes it, and speaks as JSON lines.

Checks as far as they are public: at an upgrade to another version (1.14 and later) a backup of Cassandra must be enabled.
The connection to Google's control plane is named and left out: a rehearsal has none. Written without the lab's client,
because it runs before every release and has to be quick.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from typing import Any, Final

from hybridspan_lab.podroot import in_pod

ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
SECONDS: Final = 15.0
BACKUP_FROM: Final = (1, 14)


def main() -> int:
    """0 when helm may go on."""
    env = os.environ
    checkpoint, component, version = env["APIGEE_CHECKPOINT"], env["APIGEE_COMPONENT"], env["APIGEE_VERSION"]
    say("INFO", "", checkpoint=checkpoint, component=component)
    say("INFO", "initiating pre-install checks")
    say("INFO", "no control plane in a rehearsal", check="controlplane_connectivity")
    before = installed(env["POD_NAMESPACE"]) if checkpoint == "upgrade" else ""
    if problem := objection(component, before, version, env.get("APIGEE_BACKUP_ENABLED") == "true"):
        say("ERROR", problem, check="cassandra_backup_enabled")
        return 1
    say("INFO", "checks passed")
    return 0


def objection(component: str, before: str, after: str, backup: bool) -> str:
    """Why an upgrade may not go on; empty where it may."""
    if component != "apigee-datastore" or not before or before == after or backup:
        return ""
    if minor(after) < BACKUP_FROM:
        return ""
    return f"backup must be enabled before the upgrade from {before} to {after}"


def minor(version: str) -> tuple[int, int]:
    """`1.16.0-hotfix.1` → (1, 16)."""
    first, second, *_ = version.split(".")
    return int(first), int(second)


def installed(namespace: str) -> str:
    """Version of the datastore that is there; empty where there is none."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    path = f"/apis/apigee.cloud.google.com/v1alpha1/namespaces/{namespace}/apigeedatastores/default"
    token = (in_pod(ACCOUNT) / "token").read_text().strip()
    asked = urllib.request.Request(
        f"https://{host}:{port}{path}", headers={"Authorization": f"Bearer {token}"}
    )
    tls = ssl.create_default_context(cafile=str(in_pod(ACCOUNT) / "ca.crt"))
    try:
        with urllib.request.urlopen(asked, timeout=SECONDS, context=tls) as answer:  # noqa: S310
            return str(json.load(answer)["spec"].get("version") or "")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return ""
        raise


def say(level: str, message: str, **fields: Any) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    print(json.dumps({"level": level, "timestamp": stamp, "msg": message, **fields}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
