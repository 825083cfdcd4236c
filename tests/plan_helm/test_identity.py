"""Workload identity federation: a new cluster is another identity provider, and somebody has to say so to Google Cloud."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hybridspan.apigee.document import EditableText
from hybridspan.apigee.federation import audience_of, credential_files
from hybridspan.apigee.overrides_differences import disallowed
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.plan.build import build
from hybridspan.plan.phases.identity import decide_identity, how_to_register, provider_in, registration
from tests.plan_azure.facts import cluster as aks

from .world import OVERRIDES, RING, apigee, centralus, with_helm, world

AUDIENCE = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/hybrid/providers/{}"
FIRST = replace(OVERRIDES, federation=AUDIENCE.format("eastus"))
OWN = replace(OVERRIDES, federation=AUDIENCE.format("apigee-centralus"))
ISSUER = "https://centralus.oic.prod-aks.azure.com/t/c/"
TOPOLOGY = with_helm()
REGION = centralus(TOPOLOGY)
CLUSTER = aks(REGION, oidc_issuer=ISSUER)


@pytest.mark.parametrize(
    ("first", "own", "cluster", "state", "words"),
    [
        (OVERRIDES, OVERRIDES, CLUSTER, "done", "not used"),
        (FIRST, FIRST, None, "later", "does not exist yet"),
        (FIRST, FIRST, CLUSTER, "needed", ISSUER),
        (FIRST, replace(OWN, exists=False), CLUSTER, "needed", "first region's"),
        (FIRST, OWN, CLUSTER, "done", "of their own"),
        (FIRST, OWN, replace(CLUSTER, oidc_issuer=""), "needed", "no OIDC issuer"),
    ],
)
def test_a_region_needs_a_provider_of_its_own(
    first: OverridesFacts, own: OverridesFacts, cluster: object, state: str, words: str
) -> None:
    decision = decide_identity(first, own, cluster)  # type: ignore[arg-type]
    assert (decision.state, words in decision.reason) == (state, True), decision


def test_credentials_for_the_first_regions_provider_are_named() -> None:
    held = (("keys/mart.json", FIRST.federation),)
    decision = decide_identity(
        replace(FIRST, credential_files=held), replace(OWN, credential_files=held), CLUSTER
    )
    assert decision.state == "needed"
    assert "keys/mart.json" in decision.reason


def test_the_commands_have_the_persons_own_values() -> None:
    create, written = [c.text() for c in registration(REGION, FIRST.federation, CLUSTER)]
    assert (
        "create-oidc apigee-centralus --project 123 --location global --workload-identity-pool hybrid"
        in create
    )
    assert f"--issuer-uri {ISSUER}" in create
    assert AUDIENCE.format("apigee-centralus") in written
    assert written.endswith(str(REGION.overrides))


def test_before_there_is_a_cluster_the_command_asks_azure_for_the_issuer() -> None:
    create = registration(REGION, FIRST.federation, None)[0].text()
    assert "az aks show" in create
    assert "--query oidcIssuerProfile.issuerUrl" in create


def test_a_cluster_without_an_issuer_gets_one_first() -> None:
    first, *_ = registration(REGION, FIRST.federation, replace(CLUSTER, oidc_issuer=""))
    assert "--enable-oidc-issuer" in first.text()


def test_what_a_custom_audience_does_not_tell_stays_to_be_filled_in() -> None:
    assert provider_in("my-audience") is None
    create = registration(REGION, "my-audience", CLUSTER)[0].text()
    assert "--project PROJECT_NUMBER" in create


def test_another_namespace_needs_bindings_of_its_own() -> None:
    elsewhere = replace(REGION, namespace="runtime")
    assert "bind" not in how_to_register(TOPOLOGY, REGION, FIRST.federation, CLUSTER)
    assert "bind the service accounts of namespace runtime" in how_to_register(
        TOPOLOGY, elsewhere, FIRST.federation, CLUSTER
    )


def test_the_run_stops_there_before_the_organization() -> None:
    seen = world(TOPOLOGY, RING, apigee())
    regions = {name: replace(facts, overrides=FIRST) for name, facts in seen.regions.items()}
    steps = {step.id: step for step in build(TOPOLOGY, replace(seen, regions=regions)).steps}
    assert "identity/centralus" in steps["organization/centralus"].needs  # type: ignore[index]
    assert not [s for s in build(TOPOLOGY, seen).steps if s.phase == "identity"]


TEXT = """
org: hybrid-test-7
gcp: {{federatedWorkloadIdentity: {{enabled: {enabled}, audience: "{audience}"}}}}
mart: {{serviceAccountPath: {file}}}
"""


def document(file: str, *, enabled: bool = True) -> EditableText:
    text = TEXT.format(enabled=str(enabled).lower(), audience=FIRST.federation, file=file)
    return EditableText(text)


def test_credential_configurations_are_read_for_their_provider(tmp_path: Path) -> None:
    configuration = {"type": "external_account", "audience": FIRST.federation}
    (tmp_path / "mart.json").write_text(json.dumps(configuration))
    assert credential_files(document("mart.json"), tmp_path) == (("mart.json", FIRST.federation),)
    (tmp_path / "mart.json").write_text(json.dumps({"type": "service_account"}))
    assert credential_files(document("mart.json"), tmp_path) == ()
    assert credential_files(document("absent.json"), tmp_path) == ()
    assert audience_of(document("mart.json", enabled=False)) == ""


def test_only_with_federation_may_credentials_differ_between_regions(tmp_path: Path) -> None:
    first, own = tmp_path / "first.yaml", tmp_path / "own.yaml"
    assert disallowed(document("a.json"), document("b.json"), first, own) == ()
    (wrong,) = disallowed(document("a.json", enabled=False), document("b.json", enabled=False), first, own)
    assert "serviceAccountPath" in wrong
