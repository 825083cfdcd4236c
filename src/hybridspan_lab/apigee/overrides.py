"""An overrides file as apigeectl reads it: required keys, their types, and files that must be readable.

Paths in it are relative to the file's own folder.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_REQUIRED: Final[Mapping[str, type]] = {
    "gcp.projectID": str,
    "gcp.region": str,
    "k8sCluster.name": str,
    "k8sCluster.region": str,
    "org": str,
    "instanceID": str,
    "envs": list,
    "virtualhosts": list,
}
_OPTIONAL: Final[Mapping[str, type]] = {
    "namespace": str,
    "cassandra": dict,
    "cassandra.replicaCount": int,
    "cassandra.hostNetwork": bool,
    "cassandra.clusterName": str,
    "cassandra.datacenter": str,
    "cassandra.rack": str,
    "cassandra.multiRegionSeedHost": str,
    "cassandra.externalSeedHost": str,
    "cassandra.maxHeapSize": str,
    "cassandra.heapNewSize": str,
    "cassandra.storage": dict,
    "cassandra.auth": dict,
    "cassandra.auth.secret": str,
    "cassandra.backup.enabled": bool,
    "nodeSelector": dict,
    "nodeSelector.requiredForScheduling": bool,
}
_COMPONENTS: Final = ("mart", "connectAgent", "metrics", "watcher", "udca", "logger")
_ENVIRONMENT_ACCOUNTS: Final = ("synchronizer", "udca", "runtime")
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_KINDS: Final = {str: "a string", int: "a number", bool: "true or false", dict: "a mapping", list: "a list"}


class OverridesError(Exception):
    """The file cannot be used; `problems` says everything that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Overrides:
    """A file that passed all checks."""

    path: Path
    document: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Overrides:
        """Raises OverridesError with every problem found."""
        overrides = cls(path, _load(path))
        if problems := [*overrides._type_problems(), *overrides._file_problems()]:
            raise OverridesError(problems)
        return overrides

    def at(self, dotted: str, default: Any = None) -> Any:
        """The value of `cassandra.storage.capacity`, or the default where a part of the way is missing."""
        value: Any = self.document
        for part in dotted.split("."):
            if not isinstance(value, Mapping) or value.get(part) is None:
                return default
            value = value[part]
        return value

    @property
    def organization(self) -> str:
        return str(self.document["org"])

    @property
    def namespace(self) -> str:
        return str(self.at("namespace", "apigee"))

    @property
    def environments(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(self.document["envs"])

    @property
    def virtual_hosts(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(self.document["virtualhosts"])

    def file(self, path: str) -> Path:
        """A path of the file, from its own folder."""
        return (self.path.absolute().parent / path).resolve()

    def _type_problems(self) -> Iterator[str]:
        for name, kind in _REQUIRED.items():
            value = self.at(name)
            if value is None or value == "":
                yield f"missing required property: {name}"
            elif not _fits(value, kind):
                yield f"invalid value for {name}: wanted {_KINDS[kind]}, found {value!r}"
        for name, kind in _OPTIONAL.items():
            value = self.at(name)
            if value is not None and not _fits(value, kind):
                yield f"invalid value for {name}: wanted {_KINDS[kind]}, found {value!r}"
        yield from self._cassandra_problems()
        yield from self._entry_problems()

    def _cassandra_problems(self) -> Iterator[str]:
        replicas = self.at("cassandra.replicaCount", 1)
        if isinstance(replicas, int) and replicas < 1:
            yield f"invalid value for cassandra.replicaCount: {replicas}"
        seed = self.at("cassandra.multiRegionSeedHost")
        if isinstance(seed, str) and not _is_address(seed):
            yield f"invalid value for cassandra.multiRegionSeedHost: {seed!r} is not an IP address"
        namespace = self.at("namespace", "apigee")
        if isinstance(namespace, str) and not _NAME.fullmatch(namespace):
            yield f"invalid value for namespace: {namespace!r}"

    def _entry_problems(self) -> Iterator[str]:
        for name in ("envs", "virtualhosts"):
            entries = self.at(name)
            for number, entry in enumerate(entries if isinstance(entries, list) else []):
                if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
                    yield f"missing required property: {name}[{number}].name"

    def _file_problems(self) -> Iterator[str]:
        for name, path in self.account_files():
            yield from _account_problem(name, self.file(path))
        for name, path in self._certificate_files():
            yield from _certificate_problem(name, self.file(path))

    def account_files(self) -> Iterator[tuple[str, str]]:
        """(property, path) of every service account's key file."""
        for component in _COMPONENTS:
            if isinstance(path := self.at(f"{component}.serviceAccountPath"), str):
                yield f"{component}.serviceAccountPath", path
        for number, environment in enumerate(_mappings(self.at("envs"))):
            paths = environment.get("serviceAccountPaths") or {}
            for component in _ENVIRONMENT_ACCOUNTS:
                if isinstance(path := paths.get(component), str):
                    yield f"envs[{number}].serviceAccountPaths.{component}", path

    def _certificate_files(self) -> Iterator[tuple[str, str]]:
        for number, host in enumerate(_mappings(self.at("virtualhosts"))):
            if "sslSecret" in host:
                continue
            for field in ("sslCertPath", "sslKeyPath"):
                yield f"virtualhosts[{number}].{field}", str(host.get(field) or "")


def _load(path: Path) -> Mapping[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(path.read_text())
    except OSError as error:
        raise OverridesError([f"open {path}: {(error.strerror or str(error)).lower()}"]) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise OverridesError([f"error converting YAML to JSON: {path}: {error}"]) from error
    if not isinstance(document, Mapping):
        raise OverridesError([f"{path}: not a mapping of properties"])
    return document


def _mappings(entries: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []


def _fits(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _account_problem(name: str, path: Path) -> Iterator[str]:
    try:
        document = json.loads(path.read_text())
    except OSError as error:
        yield f"{name}: open {path}: {(error.strerror or str(error)).lower()}"
        return
    except ValueError:
        yield f"{name}: {path} is not a JSON key file of a service account"
        return
    if not isinstance(document, Mapping) or "client_email" not in document:
        yield f"{name}: {path} is not a JSON key file of a service account"


def _certificate_problem(name: str, path: Path) -> Iterator[str]:
    if path.is_dir():
        yield f"missing required property: {name} (or sslSecret)"
        return
    try:
        text = path.read_text()
    except OSError as error:
        yield f"{name}: open {path}: {(error.strerror or str(error)).lower()}"
        return
    if "-----BEGIN " not in text:
        yield f"{name}: {path} holds no PEM data"
