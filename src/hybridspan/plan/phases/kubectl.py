"""The kubectl and apigeectl commands that steps stand for, with the person's own values."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from hybridspan.plan.model import Command
from hybridspan.topology.model import Region


def context_of(region: Region) -> str:
    """The context that `az aks get-credentials` makes, unless the topology names another."""
    return region.context


def kubectl(region: Region, *arguments: str, comment: str = "") -> Command:
    return Command(("kubectl", "--context", context_of(region), *arguments), comment=comment)


def deleted(region: Region, *what: str) -> Command:
    """For the way back: what has gone with something else is no failure."""
    place = ("--context", context_of(region))
    return Command(("kubectl", *place, "delete", *what, "--ignore-not-found"))


def apigeectl(region: Region, *arguments: str, comment: str = "") -> tuple[Command, ...]:
    """apigeectl uses the current context and reads relative paths from the current folder."""
    path = PurePath(region.overrides)
    words = shlex.join(("apigeectl", *arguments, "-f", path.name))
    return (
        Command(("kubectl", "config", "use-context", context_of(region))),
        Command(script=f"(cd {shlex.quote(str(path.parent))} && {words})", comment=comment),
    )


# cert-manager issues anew what does not say by which issuer it was issued; other annotations stay behind.
_ISSUED_BY = (
    "{{range $key, $value := .metadata.annotations}}{{if ge (len $key) 16}}"
    '{{if eq (slice $key 0 16) "cert-manager.io/"}}{{printf "%q: %q, " $key $value}}{{end}}{{end}}{{end}}'
)


def copied_secret(first: Region, region: Region, name: str, namespaces: tuple[str, str]) -> Command:
    """A secret from cluster to cluster: never on a disk, nothing of the old cluster with it."""
    template = (
        "apiVersion: v1\n"
        "kind: Secret\n"
        f"metadata: {{name: {name}, namespace: {namespaces[1]}, annotations: {{ {_ISSUED_BY} }} }}\n"
        "type: {{.type}}\n"
        'data: { {{range $key, $value := .data}}"{{$key}}": "{{$value}}", {{end}} }\n'
    )
    read = ("kubectl", "--context", context_of(first), "-n", namespaces[0], "get", "secret", name, "-o")
    return Command(
        script=f"{shlex.join(read)} go-template={shlex.quote(template)} |\n  {applied(region)}",
        comment="from cluster to cluster; no file holds it",
    )


def moved(first: Region, region: Region, *what: str) -> Command:
    """Objects from cluster to cluster without what the old cluster added to them."""
    read = shlex.join(("kubectl", "--context", context_of(first), *what, "-o", "yaml"))
    return Command(script=f"{read} |\n  {_STRIP} |\n  {applied(region, '--force-conflicts')}")


def datastore_runs(region: Region) -> Command:
    """Waits until the controller has carried out the latest change and all Cassandra pods are ready."""
    running = "--for=jsonpath={.status.state}=running"
    return kubectl(region, "-n", region.namespace, "wait", "apigeeds/default", running, "--timeout=30m")


def change_is_seen(region: Region) -> Command:
    """Waits until the controller has taken up the datastore's latest change."""
    read = shlex.join(("kubectl", "--context", context_of(region), "-n", region.namespace))
    template = "{{eq .metadata.generation .status.lastAppliedGeneration}}"
    seen = f"{read} get apigeeds default -o go-template={shlex.quote(template)}"
    loop = f'until [ "$({seen})" = true ]; do sleep 1; done'
    return Command(script=f"timeout 5m bash -c {shlex.quote(loop)}")


_STRIP = (
    r"sed -E -e '/^ *(resourceVersion|uid|creationTimestamp|generation|clusterIP|caBundle): [^ ]/d'"
    r" -e '/^ *clusterIPs:/,/^ *- /d' -e '/last-applied-configuration: [|]/,+1d'"
)


def applied(region: Region, *options: str) -> str:
    """The end of a pipe that applies what comes, on the server's side."""
    words = (
        "kubectl",
        "--context",
        context_of(region),
        "apply",
        "--server-side",
        "--field-manager=hybridspan",
    )
    return shlex.join((*words, *options, "-f", "-"))
