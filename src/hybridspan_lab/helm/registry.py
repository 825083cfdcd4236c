"""The charts as an OCI registry on loopback, over TLS and behind a login, as a company's mirror is: helm pulls from it and pushes to it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import io
import json
import secrets
import socket
import ssl
import tarfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from hybridspan.secrets import Secret
from hybridspan_lab.helm.charts import CHARTS, REPOSITORY

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
CONTENT: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
USER: Final = "reader"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Registry:
    """What is served: blobs by digest, and each chart's versions."""

    password: Secret
    """Of the one user."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """Repository → version → digest of its manifest."""
    uploads: dict[str, bytes] = field(default_factory=dict)
    """What has come so far of blobs that are being pushed."""

    def add_all(self, folder: Path) -> None:
        """Packages every chart of a folder."""
        for chart in CHARTS:
            self.add(folder / chart)

    def add(self, chart: Path) -> None:
        """Packages one unpacked chart under its version."""
        about = json.loads((chart / "Chart.yaml").read_text())
        layers = [self._keep(packaged(chart), CONTENT)]
        config = self._keep(json.dumps(about).encode(), CONFIG)
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        digest = self._keep(json.dumps(manifest).encode(), MANIFEST)["digest"]
        self.tags.setdefault(f"{REPOSITORY}/{chart.name}", {})[about["version"]] = digest

    def _keep(self, content: bytes, media_type: str) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._signed_in], client_max_size=64 * 2**20)
        app.router.add_get("/v2/", self._ping)
        app.router.add_get("/v2/{name:.+}/manifests/{reference}", self._manifest)
        app.router.add_put("/v2/{name:.+}/manifests/{reference}", self._put_manifest)
        app.router.add_post("/v2/{name:.+}/blobs/uploads/", self._begin)
        app.router.add_patch("/v2/{name:.+}/blobs/uploads/{upload}", self._more)
        app.router.add_put("/v2/{name:.+}/blobs/uploads/{upload}", self._end)
        app.router.add_get("/v2/{name:.+}/blobs/{digest}", self._blob)
        app.router.add_get("/v2/{name:.+}/tags/list", self._list)
        return app

    @web.middleware
    async def _signed_in(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode(errors="replace")
        if hmac.compare_digest(given, f"Basic {login(self.password)}".encode()):
            return await handler(request)
        answer = refusal("UNAUTHORIZED", "authentication required", 401)
        answer.headers["WWW-Authenticate"] = 'Basic realm="hybridspan lab"'
        return answer

    async def _ping(self, _: web.Request) -> web.Response:
        return web.json_response({})

    async def _manifest(self, request: web.Request) -> web.Response:
        name, reference = request.match_info["name"], request.match_info["reference"]
        versions = self.tags.get(name)
        if versions is None:
            return refusal("NAME_UNKNOWN", f"repository {name} not known")
        digest = reference if reference in versions.values() else versions.get(reference, "")
        if not digest:
            return refusal("MANIFEST_UNKNOWN", f"{name}:{reference}: manifest unknown")
        return self._answer(digest, MANIFEST)

    async def _put_manifest(self, request: web.Request) -> web.Response:
        name, reference = request.match_info["name"], request.match_info["reference"]
        digest = self._keep(await request.read(), MANIFEST)["digest"]
        self.tags.setdefault(name, {})[reference] = digest
        return created(f"/v2/{name}/manifests/{digest}", digest)

    async def _begin(self, request: web.Request) -> web.Response:
        upload = secrets.token_hex(8)
        self.uploads[upload] = b""
        return accepted(request.match_info["name"], upload)

    async def _more(self, request: web.Request) -> web.Response:
        upload = request.match_info["upload"]
        if upload not in self.uploads:
            return refusal("BLOB_UPLOAD_UNKNOWN", f"{upload}: upload unknown")
        self.uploads[upload] += await request.read()
        return accepted(request.match_info["name"], upload)

    async def _end(self, request: web.Request) -> web.Response:
        content = self.uploads.pop(request.match_info["upload"], b"") + await request.read()
        digest = self._keep(content, "")["digest"]
        if digest != request.query.get("digest"):
            del self.blobs[digest]
            return refusal("DIGEST_INVALID", f"what came is {digest}", 400)
        return created(f"/v2/{request.match_info['name']}/blobs/{digest}", digest)

    async def _blob(self, request: web.Request) -> web.Response:
        digest = request.match_info["digest"]
        if digest not in self.blobs:
            return refusal("BLOB_UNKNOWN", f"{digest}: blob unknown")
        return self._answer(digest, "application/octet-stream")

    async def _list(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.json_response({"name": name, "tags": sorted(self.tags.get(name, {}))})

    def _answer(self, digest: str, media_type: str) -> web.Response:
        headers = {"Docker-Content-Digest": digest, "Content-Type": media_type}
        return web.Response(body=self.blobs[digest], headers=headers)


def login(password: Secret) -> str:
    """The user and the password as a registry's client sends and keeps them."""
    return base64.b64encode(f"{USER}:{password.reveal()}".encode()).decode()


def created(place: str, digest: str) -> web.Response:
    return web.Response(status=201, headers={"Location": place, "Docker-Content-Digest": digest})


def accepted(name: str, upload: str) -> web.Response:
    return web.Response(status=202, headers={"Location": f"/v2/{name}/blobs/uploads/{upload}"})


def refusal(code: str, message: str, status: int = 404) -> web.Response:
    """An error as the registry protocol says it."""
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status)


def packaged(chart: Path) -> bytes:
    """The chart as `helm package` makes it; the same bytes for the same files."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for file in sorted(path for path in chart.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(f"{chart.name}/{file.relative_to(chart)}")
            entry.size = file.stat().st_size
            with file.open("rb") as content:
                archive.addfile(entry, content)
    return gzip.compress(plain.getvalue(), mtime=0)


async def serve(registry: Registry, listening: socket.socket, tls: ssl.SSLContext) -> web.AppRunner:
    """Answers on a listening socket."""
    runner = web.AppRunner(registry.application(), access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening, ssl_context=tls).start()
    return runner
