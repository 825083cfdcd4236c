"""apigeectl's stand-in: the same commands and flags, on the current context of the kubeconfig, as the real one."""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from hybridspan_lab.apigee import components, installation, names, readiness, resources
from hybridspan_lab.apigee.overrides import Overrides, OverridesError
from hybridspan_lab.kubeapi import ApiError, KubeApi

Document = dict[str, Any]

FIELD_MANAGER: Final = "apigeectl"
COMMANDS: Final = ("init", "apply", "check-ready", "delete", "version")
CERT_MANAGER_DEFINITION: Final = "certificates.cert-manager.io"
AUTHENTICATION_PARTS: Final = ("default", "admin", "ddl", "dml", "jmx", "jolokia")


class Refusal(Exception):
    """A reason to end with exit code 1, in apigeectl's words."""


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 done (or ready), 1 refused, failed or not ready, 2 wrong use."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    if options.command == "version":
        print(f"Version: {names.HYBRID_VERSION}\nBuild ID: rehearsal (stand-in with Cassandra 4.0)")
        return 0
    try:
        return asyncio.run(run(options))
    except OverridesError as error:
        for problem in error.problems:
            print(f"Error: invalid overrides {options.file}: {problem}", file=sys.stderr)
    except (Refusal, ApiError) as error:
        print(f"Error: {error}", file=sys.stderr)
    except BrokenPipeError:
        # Whoever reads along has seen enough (`| head`): nothing more is applied, as with any program of that kind.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def parse(arguments: list[str]) -> argparse.Namespace:
    # The real one does not guess: half of a flag is an unknown flag.
    parser = argparse.ArgumentParser(
        prog="apigeectl", description="Installs Apigee hybrid (rehearsal stand-in).", allow_abbrev=False
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("-f", "--file-overrides", dest="file", type=Path, default=Path("overrides.yaml"))
    parser.add_argument("--datastore", action="store_true")
    parser.add_argument("--redis", action="store_true")
    parser.add_argument("--org", action="store_true")
    parser.add_argument("--env", action="append", default=[], metavar="NAME")
    parser.add_argument("--all-envs", action="store_true")
    parser.add_argument("--telemetry", action="store_true")
    parser.add_argument("--settings", choices=("virtualhosts", "virtualhost"))
    parser.add_argument("--all", action="store_true", help="with delete: everything that init made, too")
    parser.add_argument("--dry-run", nargs="?", const="client", choices=("client", "server", "true", "false"))
    parser.add_argument("--print-yaml", action="store_true")
    parser.add_argument("--kubeconfig", type=Path, default=None)
    return parser.parse_args(arguments)


async def run(options: argparse.Namespace) -> int:
    overrides = Overrides.read(options.file)
    async with KubeApi.from_kubeconfig(kubeconfig(options)) as api:
        if options.command == "check-ready":
            return await readiness.check(api, overrides)
        if options.command == "init":
            await _apply(api, await _installation(api, overrides), options)
        elif options.command == "apply":
            await _require_installation(api)
            await _apply(api, chosen(overrides, options), options)
        else:
            await _delete(api, overrides, options)
    return 0


def kubeconfig(options: argparse.Namespace) -> Path:
    """As kubectl finds it: the flag, the first file of $KUBECONFIG, the home folder's."""
    given = options.kubeconfig or os.environ.get("KUBECONFIG", "").split(":")[0]
    path = Path(given) if given else Path.home() / ".kube" / "config"
    if not path.is_file():
        raise Refusal(f"invalid configuration: no kubeconfig at {path}")
    return path


def chosen(overrides: Overrides, options: argparse.Namespace) -> list[Document]:
    """The documents that the flags ask for; without a flag, all of them."""
    everything = not any(
        (
            options.datastore,
            options.redis,
            options.org,
            options.env,
            options.all_envs,
            options.telemetry,
            options.settings,
        )
    )
    environments = (
        [e["name"] for e in overrides.environments] if everything or options.all_envs else options.env
    )
    documents: list[Document] = []
    if everything or options.datastore:
        documents += components.datastore(overrides)
    if everything or options.redis:
        documents += components.redis(overrides)
    if everything or options.telemetry:
        documents += components.telemetry(overrides)
    if everything or options.org:
        documents += components.organization(overrides)
    for name in environments:
        documents += _environment(overrides, name)
    if everything or options.settings:
        documents += components.virtual_hosts(overrides)
    return documents


def _environment(overrides: Overrides, name: str) -> list[Document]:
    try:
        return components.environment(overrides, name)
    except KeyError:
        known = ", ".join(str(e["name"]) for e in overrides.environments)
        raise Refusal(f"env {name!r} not found in {overrides.path} (has: {known})") from None


async def _installation(api: KubeApi, overrides: Overrides) -> list[Document]:
    definitions = ("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions")
    if await api.find(*definitions, CERT_MANAGER_DEFINITION) is None:
        raise Refusal(
            "cert-manager is not installed in this cluster: no matches for kind Certificate in cert-manager.io/v1"
        )
    credentials = installation.credentials_of(await _credentials(api, overrides))
    redis = str(overrides.at("redis.auth.password", installation.REDIS_DEFAULT))
    return installation.installation(overrides.namespace, credentials, redis)


async def _credentials(api: KubeApi, overrides: Overrides) -> dict[str, str]:
    """Users and passwords: from the secret that the overrides name, or from the overrides themselves."""
    if name := overrides.at("cassandra.auth.secret"):
        found = await api.find("/api/v1", "secrets", name, overrides.namespace)
        if found is None:
            raise Refusal(
                f'cassandra.auth.secret: secrets "{name}" not found in namespace {overrides.namespace}'
            )
        return {key: base64.b64decode(value).decode() for key, value in (found.get("data") or {}).items()}
    given: dict[str, str] = {}
    for part in AUTHENTICATION_PARTS:
        if password := overrides.at(f"cassandra.auth.{part}.password"):
            given[f"{part}.password"] = str(password)
        if user := overrides.at(f"cassandra.auth.{part}.username"):
            given[f"{part}.user"] = str(user)
    return given


async def _require_installation(api: KubeApi) -> None:
    if await api.find("/apis/apps/v1", "deployments", names.CONTROLLER, names.SYSTEM_NAMESPACE) is None:
        raise Refusal(
            f"{names.CONTROLLER} not found in namespace {names.SYSTEM_NAMESPACE}: run apigeectl init first"
        )


async def _apply(api: KubeApi, documents: Iterable[Document], options: argparse.Namespace) -> None:
    for document in documents:
        if options.print_yaml:
            _print_yaml(document)
        if options.dry_run not in (None, "false"):
            print(
                f"{resources.label(document)} configured (dry run)",
                file=sys.stderr if options.print_yaml else sys.stdout,
            )
            continue
        result = await readiness.patiently(resources.apply, api, document, FIELD_MANAGER)
        print(
            f"{resources.label(document)} {result}",
            file=sys.stderr if options.print_yaml else sys.stdout,
            flush=True,
        )


def _print_yaml(document: Document) -> None:
    from ruamel.yaml import YAML

    print("---")
    shown = (
        {**document, "data": dict.fromkeys(document["data"], "***")}
        if document["kind"] == "Secret"
        else document
    )
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump(shown, sys.stdout)


async def _delete(api: KubeApi, overrides: Overrides, options: argparse.Namespace) -> None:
    documents = chosen(overrides, options)
    if options.all:
        kept = {"Namespace", "CustomResourceDefinition"}
        base = installation.installation(overrides.namespace, installation.credentials_of({}))
        # The controller goes last: it still has to let go of the resources before it.
        documents = [*(d for d in base if d["kind"] not in kept), *documents]
    for document in reversed(documents):
        path, plural = resources.location(document)
        metadata = document["metadata"]
        if options.dry_run in (None, "false"):
            await api.delete(path, plural, metadata["name"], metadata.get("namespace"))
        print(f"{resources.label(document)} deleted", flush=True)


if __name__ == "__main__":
    sys.exit(main())
