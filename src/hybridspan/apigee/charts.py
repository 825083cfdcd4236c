"""Apigee's charts, of exactly one version: from a folder or from a registry, unpacked below the run's own folder.

Helm looks for the files that overrides name (keys of service accounts, certificates) inside the chart's folder. So each
run gets a copy of the chart with those files in it, which is removed again.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from hybridspan.apigee.chart_failures import VARIABLE
from hybridspan.apigee.document import EditableText, NotAMapping
from hybridspan.errors import PermanentFailure
from hybridspan.topology.model import Topology

OFFICIAL: Final = "oci://us-docker.pkg.dev/apigee-release/apigee-hybrid-helm-charts"

NAMES: Final = (
    "apigee-operator",
    "apigee-datastore",
    "apigee-telemetry",
    "apigee-redis",
    "apigee-ingress-manager",
    "apigee-org",
    "apigee-env",
    "apigee-virtualhost",
)

Pull = Callable[[str, str, Path], Awaitable[None]]


def location_of(topology: Topology) -> str:
    """Where the charts come from: the environment (a mirror), the topology, or Apigee's own registry."""
    return os.environ.get(VARIABLE) or topology.charts or OFFICIAL


class Charts:
    """The charts of one version; `folder` is where they are unpacked."""

    def __init__(self, location: str, version: str, folder: Path, pull: Pull) -> None:
        self._location = location.rstrip("/")
        self._version = version
        self._folder = folder
        self._pull = pull

    async def chart(self, name: str) -> Path:
        """The unpacked chart; PermanentFailure where it is not there in that version."""
        if not self._location.startswith("oci://"):
            return await asyncio.to_thread(self._local, name)
        unpacked = self._folder / self._version / name
        if not unpacked.is_dir():
            beside = self._folder / f".pulling-{self._version}-{name}"
            shutil.rmtree(beside, ignore_errors=True)
            await self._pull(f"{self._location}/{name}", self._version, beside)
            unpacked.parent.mkdir(parents=True, exist_ok=True)
            (beside / name).replace(unpacked)
            shutil.rmtree(beside, ignore_errors=True)
        return self._checked(unpacked, name)

    def _local(self, name: str) -> Path:
        folder = Path(self._location)
        packed = folder / f"{name}-{self._version}.tgz"
        if packed.is_file():
            target = self._folder / self._version
            try:
                _unpack(packed, target)
            except (tarfile.TarError, OSError, EOFError, ValueError) as error:
                raise self._missing(name, f"{packed}: {error}") from error
            return self._checked(target / name, name)
        return self._checked(folder / name, name)

    def _checked(self, unpacked: Path, name: str) -> Path:
        try:
            described = EditableText((unpacked / "Chart.yaml").read_text())
        except (OSError, NotAMapping) as error:
            raise self._missing(name, str(error)) from error
        version = str(described.value("version"))
        if version != self._version:
            raise self._missing(name, f"{unpacked} is of version {version}")
        return unpacked

    def _missing(self, name: str, why: str) -> PermanentFailure:
        return PermanentFailure(
            "HS-APIGEE-036",
            f"there is no chart {name} of version {self._version}",
            where=self._location,
            why=why,
            hint=f"all regions need one release: name where its charts are with spec.charts or {VARIABLE}",
        )

    @asynccontextmanager
    async def furnished(self, name: str, files: Iterable[tuple[str, Path]]) -> AsyncIterator[Path]:
        """A copy of the chart that holds those files, each under the name that the overrides call it by.

        Gone again afterwards; where the run is cancelled, helm may still read it, and the next run replaces it.
        """
        chart, copy = await self.chart(name), self._folder / f".with-files-{name}"
        shutil.rmtree(copy, ignore_errors=True)
        await asyncio.to_thread(shutil.copytree, chart, copy)
        for called, path in files:
            target = copy / called
            if target.resolve().is_relative_to(copy.resolve()) and path.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(await asyncio.to_thread(path.read_bytes))
                target.chmod(0o600)
        try:
            yield copy
        except asyncio.CancelledError:
            raise
        except BaseException:
            shutil.rmtree(copy, ignore_errors=True)
            raise
        shutil.rmtree(copy, ignore_errors=True)


def _unpack(packed: Path, target: Path) -> None:
    """The files of a packed chart; ValueError for what lies outside, or is no file: no chart has that.

    By hand, since tarfile's own filter is not in every Python 3.11: 3.11.2, which Debian 12 has, lacks it.
    """
    with tarfile.open(packed) as archive:
        for member in archive:
            place = target / member.name
            content = archive.extractfile(member) if member.isfile() else None
            if not place.resolve().is_relative_to(target.resolve()) or (
                content is None and not member.isdir()
            ):
                raise ValueError(f"{member.name} is no file inside of the chart")
            if content is not None:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content.read())
