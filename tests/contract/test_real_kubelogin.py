"""The real kubelogin with the kubeconfig that we make of Azure's: it takes every option, and brings the token by which an API server knows us.

Built once from its Go module; that takes minutes, and CI does not do it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from hybridspan.azure.gateway import AzureGateway
from hybridspan_lab.arm.providers.kubeconfigs import SERVER_APPLICATION
from tests.azure.conftest import StandIn, gateway, records, stand_in
from tests.azure.test_entra_clusters import entra

__all__ = ["gateway", "records", "stand_in"]
SOURCES = Path(__file__).with_name("kubelogin")
PACKAGE = "github.com/Azure/kubelogin"
BUILD_SECONDS = 1200


@pytest.fixture(scope="session")
def kubelogin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    toolchain, program = find_spec("go"), tmp_path_factory.mktemp("kubelogin") / "kubelogin"
    assert toolchain is not None
    assert toolchain.origin is not None
    go = Path(toolchain.origin).parent / "bin" / "go"
    settings = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    command = [
        str(go),
        "build",
        "-trimpath",
        "-buildvcs=false",
        "-ldflags=-s -w",
        "-o",
        str(program),
        PACKAGE,
    ]
    subprocess.run(command, cwd=SOURCES, env={**os.environ, **settings}, check=True, timeout=BUILD_SECONDS)
    return program


@pytest.mark.long
@pytest.mark.timeout(BUILD_SECONDS + 60)
async def test_the_real_kubelogin_brings_a_token_for_our_kubeconfig(
    kubelogin: Path, gateway: AzureGateway, stand_in: StandIn, tmp_path: Path
) -> None:
    arguments = (await entra(gateway, stand_in))["exec"]["args"]
    authority = os.environ["REQUESTS_CA_BUNDLE"]
    surroundings = {**os.environ, "SSL_CERT_FILE": authority, "HOME": str(tmp_path)}
    done = await asyncio.to_thread(
        subprocess.run,
        [str(kubelogin), *arguments],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    claims = claims_of(json.loads(done.stdout)["status"]["token"])
    assert claims["aud"] == SERVER_APPLICATION
    assert claims["oid"] == stand_in.arm.credentials.owner.object_id


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims
