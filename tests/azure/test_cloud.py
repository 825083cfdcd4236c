from __future__ import annotations

from pathlib import Path

import pytest

from hybridspan.azure.cloud import PUBLIC, AzureCloud, from_metadata
from hybridspan.azure.credentials import SignIn, is_logged_in, source
from hybridspan.errors import PermanentFailure

METADATA = {
    "resourceManager": "https://localhost:8443/",
    "authentication": {"loginEndpoint": "https://localhost:8443/", "audiences": ["https://localhost:8443/"]},
}
SECRET = {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_SECRET": "s"}


def test_public_azure_is_known_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYBRIDSPAN_ARM_ENDPOINT", raising=False)
    assert AzureCloud.discover(None) is PUBLIC
    assert AzureCloud.discover("https://management.azure.com/") is PUBLIC


def test_the_environment_chooses_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRIDSPAN_ARM_ENDPOINT", "https://management.azure.com")
    assert AzureCloud.discover("https://localhost:9") is PUBLIC


@pytest.mark.parametrize("document", [METADATA, [METADATA]])
def test_another_cloud_says_where_its_parts_are(document: object) -> None:
    cloud = from_metadata("https://localhost:8443", document)
    assert cloud.resource_manager == "https://localhost:8443"
    assert cloud.authority == "https://localhost:8443"
    assert cloud.scope == "https://localhost:8443//.default"


@pytest.mark.parametrize("document", [{}, [], "no", {"authentication": {"audiences": []}}])
def test_metadata_that_lack_their_parts_are_refused(document: object) -> None:
    with pytest.raises(PermanentFailure, match="does not say where its parts are"):
        from_metadata("https://localhost:8443", document)


def test_a_stated_credential_comes_before_a_login_with_az() -> None:
    assert source(SECRET, has_az_login=True) == "environment"
    federated = {**SECRET, "AZURE_CLIENT_SECRET": "", "AZURE_FEDERATED_TOKEN_FILE": "/token"}
    assert source(federated, has_az_login=True) == "workload-identity"
    assert source({"AZURE_CLIENT_ID": "c"}, has_az_login=True) == "az"
    assert source({}, has_az_login=False) == "default"


def test_az_counts_only_where_somebody_has_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "az"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    environment = {"AZURE_CONFIG_DIR": str(tmp_path)}
    assert not is_logged_in(environment)
    (tmp_path / "azureProfile.json").touch()
    assert is_logged_in(environment)


class Counting:
    """A credential that counts how often it is asked."""

    def __init__(self, seconds: int) -> None:
        self.asked = 0
        self._seconds = seconds

    def get_token_info(self, *scopes: str, options: object) -> object:
        import time

        from azure.core.credentials import AccessTokenInfo

        self.asked += 1
        return AccessTokenInfo(f"token {self.asked}", int(time.time()) + self._seconds)


def test_one_sign_in_serves_all_while_it_is_good() -> None:
    sign_in, counting = SignIn(PUBLIC), Counting(3600)
    sign_in._credential = counting
    assert [sign_in.get_token("scope").token for _ in range(3)] == ["token 1"] * 3
    assert counting.asked == 1


def test_a_token_that_ends_or_is_challenged_is_asked_for_again() -> None:
    sign_in, counting = SignIn(PUBLIC), Counting(60)
    sign_in._credential = counting
    sign_in.get_token("scope")
    sign_in.get_token("scope")
    assert counting.asked == 2
    counting._seconds = 3600
    sign_in.get_token("scope")
    sign_in.get_token_info("scope", options={"claims": "{}"})
    assert counting.asked == 4
