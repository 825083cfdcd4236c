"""What points a person's tools at the lab: az, kubectl, helm, apigeectl, cqlsh, nodetool and hybridspan itself."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hybridspan_lab.apigee import names
from hybridspan_lab.arm.credentials import CLIENT, TENANT
from hybridspan_lab.world.places import Places
from hybridspan_lab.world.record import Record

CLOUD: Final = "HybridspanLab"
JMX_PASSWORDS: Final = "/opt/apigee/apigee-cassandra/conf/jmxremote.password"
"""In a Cassandra pod: what its JMX lets in, a user and a password a line, as nodetool reads it too."""
NOWHERE: Final = "http://127.0.0.1:9"
"""A proxy that is never there: what would leave this machine fails at once instead."""


def variables(places: Places, record: Record) -> dict[str, str]:
    """Everything but the PATH and the secret."""
    charts = {}
    if record.registry:
        charts = {"HYBRIDSPAN_CHARTS": record.registry, "HYBRIDSPAN_CHARTS_CA": str(places.authority)}
    return {
        "HYBRIDSPAN_LAB_HOME": str(places.home),
        "HYBRIDSPAN_ARM_ENDPOINT": record.arm,
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_SUBSCRIPTION_ID": record.subscription,
        # Never the person's own ~/.azure.
        "AZURE_CONFIG_DIR": str(places.azure_config),
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "REQUESTS_CA_BUNDLE": str(places.bundle),
        "KUBECONFIG": str(places.kubeconfig),
        # What kubectl remembers of the clusters goes with them.
        "KUBECACHEDIR": str(places.home / "kubectl"),
        **charts,
        **helm_homes(places),
        # Both ways to write them: Python's clients take the small letters first, Go's the large ones.
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), NOWHERE),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1"),
    }


def helm_homes(places: Places) -> dict[str, str]:
    """Where helm keeps its own files: never in the person's home."""
    folders = {"CACHE": "cache", "CONFIG": "config", "DATA": "data"}
    return {f"HELM_{name}_HOME": str(places.helm / folder) for name, folder in folders.items()}


def environment(places: Places, record: Record, base: Mapping[str, str]) -> dict[str, str]:
    """The variables as a process takes them, the secret and the PATH among them."""
    path = os.pathsep.join(filter(None, [str(places.bin), base.get("PATH", "")]))
    secret = places.client_secret.read_text().strip()
    return {**variables(places, record), "AZURE_CLIENT_SECRET": secret, "PATH": path}


def exports(places: Places, record: Record) -> str:
    """The same as lines for a shell; the secret stays in its file."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables(places, record).items()]
    lines.append(f'export AZURE_CLIENT_SECRET="$(cat {shlex.quote(str(places.client_secret))})"')
    lines.append(f'export PATH={shlex.quote(str(places.bin))}:"$PATH"')
    if record.registry:
        lines.append(
            f"# charts:   helm pull {record.registry}/apigee-org --ca-file $HYBRIDSPAN_CHARTS_CA; unpacked in {places.charts}"
        )
    return "\n".join([*lines, *_notes(places, record.namespace_of_apigee)])


def write_registry_login(places: Places, record: Record, login: str) -> None:
    """What `helm registry login` leaves behind: helm, and hybridspan with it, read it from its own folder."""
    path = places.helm / "config" / "registry" / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(json.dumps({"auths": {record.registry_host: {"auth": login}}}))


def _notes(places: Places, namespace: str) -> list[str]:
    """What a person types next; az reads the secret from its file, since other users see a program's arguments."""
    secret = shlex.quote(f"@{places.client_secret}")
    pod = f"-n {namespace} {names.CASSANDRA}-0"
    path = "jsonpath='{.data.ddl\\.password}'"
    return [
        "# This shell now speaks to the lab alone, and HTTPS to anywhere else fails; a new shell is as before.",
        f"# az:       az login --service-principal -u $AZURE_CLIENT_ID -p {secret} --tenant $AZURE_TENANT_ID",
        f"# nodetool: kubectl exec {pod} -- nodetool -u jmxuser -pwf {JMX_PASSWORDS} status",
        f"# cqlsh:    kubectl exec -it {pod} -- cqlsh -u ddl_user --ssl",
        f"# it asks:  kubectl get secret -n {namespace} {names.CREDENTIALS} -o {path} | base64 -d",
    ]


def write_programs(places: Places, kubectl: Path, helm: Path) -> None:
    """Puts kubectl, helm, apigeectl and cqlsh where the PATH of the lab's environment finds them."""
    places.bin.mkdir(exist_ok=True)
    (places.bin / "kubectl").symlink_to(kubectl)
    (places.bin / "helm").symlink_to(helm)
    for name, start in _PYTHON_PROGRAMS.items():
        program = places.bin / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {start} "$@"\n')
        program.chmod(0o755)


_PYTHON_PROGRAMS: Final = {
    "apigeectl": "-m hybridspan_lab.apigee.apigeectl",
    "cqlsh": "-m cqlshlib",
}


def write_bundle(places: Places, authority: Path) -> None:
    """The authorities that this machine trusts, and the lab's."""
    trusted = next(
        (os.environ[name] for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE") if os.environ.get(name)), ""
    )
    if not trusted:
        import certifi

        trusted = certifi.where()
    places.bundle.write_text(f"{Path(trusted).read_text().rstrip()}\n{authority.read_text()}")


def write_cloud(places: Places, record: Record) -> None:
    """Registers the lab as a cloud of az, as `az cloud register` and `az cloud set` would."""
    places.azure_config.mkdir(exist_ok=True, mode=0o700)
    endpoints = {
        "endpoint_management": record.arm,
        "endpoint_resource_manager": record.arm,
        "endpoint_active_directory": record.arm,
        "endpoint_active_directory_resource_id": record.arm,
    }
    lines = [f"[{CLOUD}]", "profile = latest", *(f"{key} = {value}" for key, value in endpoints.items()), ""]
    (places.azure_config / "clouds.config").write_text("\n".join(lines))
    settings = [
        "[cloud]",
        f"name = {CLOUD}",
        "[core]",
        "instance_discovery = false",
        "collect_telemetry = false",
        "",
    ]
    (places.azure_config / "config").write_text("\n".join(settings))
