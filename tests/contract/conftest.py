from __future__ import annotations

from collections.abc import Iterator

import pytest

from hybridspan_lab.arm import Settings
from tests.contract import azure_cli
from tests.contract.azure_cli import Az
from tests.contract.lab import Lab, running

LEAK_GUARD = {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "localhost,127.0.0.1",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running(tmp_path_factory.mktemp("arm"), Settings()) as lab:
        yield lab


@pytest.fixture(scope="module")
def az(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Az:
    """az, logged in to the lab as its own cloud."""
    return azure_cli.signed_in(lab, tmp_path_factory.mktemp("person"))


@pytest.fixture
def sdk_environment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDKs trust the lab's authority, and reach nobody else."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(lab.authority))
    for name, value in LEAK_GUARD.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.lower(), value)
