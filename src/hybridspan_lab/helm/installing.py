"""A region's installation with Helm, as its owner made it by hand: the documented commands in the documented order."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hybridspan.errors import PermanentFailure
from hybridspan_lab.apigee import cert_manager_manifests, names, readiness, resources
from hybridspan_lab.apigee.crds import DATASTORE, ENVIRONMENT, ORGANIZATION, REDIS, TELEMETRY, Kind
from hybridspan_lab.apigee.joining import Joining
from hybridspan_lab.apigee.objects import object_of
from hybridspan_lab.helm import charts, secrets
from hybridspan_lab.kubeapi import KubeApi

Say = Callable[[str], None]
Values = Mapping[str, Any]

FIELD_MANAGER: Final = "kubectl"
READY_SECONDS: Final = 600.0
POLL_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Release:
    """One `helm upgrade --install`."""

    name: str
    chart: str
    settings: tuple[str, ...] = ()
    awaited: Kind | None = None
    """What must be running before the next release is made."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Programs, files and the place where they are used."""

    bin: Path
    """Folder with helm and kubectl."""
    kubeconfig: Path
    charts: Path
    overrides: Path
    namespace: str
    environment: Mapping[str, str]
    """What helm needs to keep its own files within the lab."""

    async def run(self, say: Say, lab_options: Mapping[str, str], joining: Joining | None = None) -> None:
        """Installs into the kubeconfig's current context and returns when everything runs.

        With `joining` it is a further region, whose Cassandra becomes part of a ring before the rest comes.

        Raises PermanentFailure HS-LAB-030 when a command refuses, HS-LAB-031 when it is not ready in ten minutes.
        """
        values = _read(self.overrides)
        async with KubeApi.from_kubeconfig(self.kubeconfig) as api:
            say("cert-manager, namespace and secrets")
            await self._prepare(api, values, lab_options, joining)
            say("custom resource definitions")
            crds = str(self.charts / charts.CRDS)
            await self._command("kubectl", "apply", "-k", crds, *_SERVER_SIDE)
            # Put together at the first question, and helm waits half a minute for it: on a busy machine that is short.
            await readiness.patiently(api.text, "/openapi/v2")
            with _with_files(self.charts, self.overrides.parent, values) as folder:
                for release in releases(values):
                    is_datastore = release.awaited is DATASTORE
                    if joining and is_datastore:
                        await joining.open()
                    say(f"helm upgrade {release.name} {release.chart} --install")
                    await self._upgrade(release, folder)
                    if release.awaited:
                        await self._until_running(api, release.awaited, say)
                    if joining and is_datastore:
                        await joining.widen(api)
            for kind in (REDIS, TELEMETRY, ENVIRONMENT):
                await self._until_running(api, kind, say)

    async def _prepare(
        self, api: KubeApi, values: Values, lab_options: Mapping[str, str], joining: Joining | None
    ) -> None:
        for document in cert_manager_manifests.manifests():
            await readiness.patiently(resources.apply, api, document, FIELD_MANAGER)
        if joining:
            await joining.give(api)
        wanted = [object_of("v1", "Namespace", self.namespace, labels=names.PLATFORM_LABEL)]
        if lab_options:
            options = object_of("v1", "ConfigMap", names.LAB_OPTIONS, names.LAB_NAMESPACE)
            wanted.append({**options, "data": dict(lab_options)})
        wanted += secrets.named_in(values, self.namespace)
        for document in wanted:
            path, plural = resources.location(document)
            metadata = document["metadata"]
            if await api.find(path, plural, metadata["name"], metadata.get("namespace")) is None:
                await resources.apply(api, document, FIELD_MANAGER)

    async def _upgrade(self, release: Release, folder: Path) -> None:
        where = ("--install", "--namespace", self.namespace, "--atomic", "-f", str(self.overrides))
        settings = [word for setting in release.settings for word in ("--set", setting)]
        await self._command("helm", "upgrade", release.name, str(folder / release.chart), *where, *settings)

    async def _command(self, program: str, *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *(str(self.bin / program), *arguments),
            env={**os.environ, **self.environment, "KUBECONFIG": str(self.kubeconfig)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        if process.returncode:
            raise PermanentFailure(
                "HS-LAB-030",
                f"{program} {arguments[0]} {arguments[1]} refused",
                where=str(self.overrides),
                why=errors.decode(errors="replace").strip(),
                hint="correct what it names in these overrides, then: hybridspan lab down, and lab up",
            )

    async def _until_running(self, api: KubeApi, kind: Kind, say: Say) -> None:
        """Says what the resources of a kind wait for, when that changes."""
        said = ""
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        while waiting := await self._waiting(api, kind):
            if waiting != said:
                say(said := waiting)
            if asyncio.get_running_loop().time() > deadline:
                raise PermanentFailure(
                    "HS-LAB-031",
                    f"the region is not ready after {READY_SECONDS:.0f} s",
                    why=waiting,
                    hint="look at the pods: kubectl get pods -A, kubectl logs",
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _waiting(self, api: KubeApi, kind: Kind) -> str:
        for found in await api.list(kind.api, kind.plural, self.namespace):
            status = found.get("status") or {}
            if not readiness.is_running(found):
                nested = f" ({status['nestedState']})" if status.get("nestedState") else ""
                return f"{kind.kind} {found['metadata']['name']} is {status.get('state', 'creating')}{nested}"
        return ""


_SERVER_SIDE: Final = ("--server-side", "--force-conflicts", "--validate=false")


def releases(values: Values) -> Iterator[Release]:
    """All releases of a region, in order."""
    yield Release("operator", "apigee-operator")
    yield Release("datastore", "apigee-datastore", awaited=DATASTORE)
    yield Release("telemetry", "apigee-telemetry")
    yield Release("redis", "apigee-redis")
    yield Release("ingress-manager", "apigee-ingress-manager")
    yield Release(str(values["org"]), "apigee-org", awaited=ORGANIZATION)
    for entry in values.get("envs") or []:
        yield Release(f"env-{entry['name']}", "apigee-env", (f"env={entry['name']}",))
    for entry in values.get("virtualhosts") or []:
        yield Release(f"vh-{entry['name']}", "apigee-virtualhost", (f"envgroup={entry['name']}",))


def named_secrets(overrides: Path) -> tuple[str, ...]:
    """Names of the secrets that an overrides file refers to."""
    return tuple(document["metadata"]["name"] for document in secrets.named_in(_read(overrides), ""))


def _read(overrides: Path) -> Values:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(overrides.read_text())
        return {**document, "org": document["org"]}
    except (OSError, YAMLError, TypeError, KeyError) as error:
        raise PermanentFailure(
            "HS-LAB-030",
            "the region's overrides cannot be used",
            where=str(overrides),
            why=str(error),
            hint="correct that file (hybridspan validate names its lines), then: hybridspan lab down, and lab up",
        ) from error


@contextmanager
def _with_files(source: Path, beside: Path, values: Values) -> Iterator[Path]:
    """A copy of the charts with the files that the overrides name: a chart reads none outside of its own folder."""
    with tempfile.TemporaryDirectory(prefix="charts-") as name:
        folder = Path(name)
        shutil.copytree(source, folder, dirs_exist_ok=True)
        for path in file_paths(values):
            for target in (folder / chart / path for chart in charts.CHARTS if (beside / path).is_file()):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(beside / path, target)
        yield folder


def file_paths(value: Any, key: str = "") -> Iterator[str]:
    """Every relative path that the overrides name: `…Path` and what is below `…Paths`."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from file_paths(inner, "Path" if key.endswith("Paths") else str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from file_paths(inner)
    elif isinstance(value, str) and key.endswith("Path") and not value.startswith("/"):
        yield value
