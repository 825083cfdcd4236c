from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.apigee.helm_preflight import helm_findings
from hybridspan.apigee.preflight import findings
from hybridspan.facts.apigee import ApigeeFacts, CustomResourceFacts
from hybridspan.facts.helm import HelmRelease
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import Finding
from hybridspan.plan.build import build
from hybridspan.plan.model import Plan
from tests.plan_cassandra.world import two_regions

from .world import (
    BY_ARGO,
    ENVIRONMENT,
    OVERRIDES,
    RELEASES,
    RING,
    apigee,
    organization,
    release,
    store,
    with_helm,
    world,
)

TOPOLOGY = with_helm()
RESOURCES = (organization(), CustomResourceFacts("ApigeeEnvironment", ENVIRONMENT, "running"))
GOOD = apigee(*RELEASES, datastore=store(None, "dc-1"), resources=RESOURCES)


def found(
    first: ApigeeFacts, own: ApigeeFacts | None = None, overrides: OverridesFacts = OVERRIDES
) -> list[Finding]:
    regions = dict(world(TOPOLOGY, RING, own).regions)
    regions["eastus"] = replace(regions["eastus"], apigee=first, overrides=overrides)
    regions["centralus"] = replace(regions["centralus"], overrides=overrides)
    return helm_findings(TOPOLOGY, regions)


def of(findings: list[Finding], check: str) -> list[tuple[str, str]]:
    return [(f.severity, f.message + f.hint) for f in findings if f.check == check]


def test_an_installation_of_one_version_with_computed_names_passes():
    assert {f.severity for f in found(GOOD)} == {"pass"}


def test_an_installation_of_apigeectl_is_told_what_comes_first():
    ((severity, words),) = of(found(replace(GOOD, releases=())), "helm-releases")
    assert severity == "refuse"
    assert "move the installation to Helm" in words


OWN = HelmRelease("dash", "apigee-dashboards", "0.3.1", "failed", 4)


def test_a_companys_own_chart_is_no_part_of_an_upgrade():
    assert {f.severity for f in found(replace(GOOD, releases=(*RELEASES, OWN)))} == {"pass"}


def test_a_companys_own_chart_is_no_installation_by_helm():
    assert [s for s, _ in of(found(replace(GOOD, releases=(OWN,))), "helm-releases")] == ["refuse"]


def test_helm_records_in_another_namespace_are_thought_of():
    """Flux keeps them in flux-system, and moving them by its own setting would take the region down."""
    ((_, words),) = of(found(replace(GOOD, releases=())), "helm-releases")
    assert "get secrets -A -l owner=helm" in words
    assert "never move the storageNamespace" in words


def test_a_first_region_that_argo_cd_installed_is_as_good_as_any():
    seen = found(replace(GOOD, releases=(), tracked=BY_ARGO))
    assert {f.severity for f in seen} == {"pass"}
    ((_, words),) = of(seen, "helm-releases")
    assert "installed by Argo CD" in words
    assert "apigee-datastore" in words


def test_values_that_are_not_those_of_the_application_are_compared_with_it():
    argo, other = replace(GOOD, releases=(), tracked=BY_ARGO), replace(OVERRIDES, environments=("prod",))
    ((_, words),) = [f for f in of(found(argo, overrides=other), "resource-names") if f[0] == "refuse"]
    assert "the values of Argo CD's application apigee-org" in words


def test_beside_a_first_region_of_argo_cds_everything_is_planned_under_the_guides_names():
    seen = world(TOPOLOGY, RING, apigee())
    argo = replace(GOOD, releases=(), tracked=BY_ARGO)
    regions = {**seen.regions, "eastus": replace(seen.regions["eastus"], apigee=argo)}
    made = build(TOPOLOGY, replace(seen, regions=regions))
    helm = {
        s.id: s
        for s in made.steps
        if s.id.startswith(("operator/", "datastore/", "organization/", "release/"))
    }
    assert {s.decision.state for s in helm.values()} == {"needed"}
    assert not any("apigee-eastus" in c.text() and "helm" in c.text() for s in made.steps for c in s.commands)
    for step, name in (("organization/centralus", "hybrid-test-7"), ("release/centralus/env/test", "test")):
        assert any(f"helm upgrade {name} " in c.text() for c in helm[step].commands)  # type: ignore[index]


@pytest.mark.parametrize("where", ["first", "own"])
def test_mixed_versions_are_refused_with_the_reason(where: str):
    mixed = replace(GOOD, releases=(*RELEASES[1:], release("operator", "1.15.1")))
    seen = found(mixed) if where == "first" else found(GOOD, mixed)
    refused = [words for severity, words in of(seen, "helm-versions") if severity == "refuse"]
    assert len(refused) == 1
    assert "operator 1.15.1" in refused[0]
    assert "in the middle of an upgrade" in refused[0]


def planned(where: str = "eastus", *releases: HelmRelease) -> Plan:
    """From what helm lists in both clusters to the plan: all of one version, but for one region that has `releases`."""
    seen = world(TOPOLOGY, RING, replace(GOOD, datastore=store()))
    own = replace(seen.regions[where].apigee or GOOD, releases=releases or RELEASES)
    regions = {**seen.regions, where: replace(seen.regions[where], apigee=own)}
    return build(TOPOLOGY, replace(seen, regions=regions, findings=tuple(findings(TOPOLOGY, regions))))


@pytest.mark.parametrize(
    ("where", "step"),
    [
        ("eastus", ""),
        (
            "centralus",
            "operator/centralus: release operator is apigee-operator 1.15.1, the topology says 1.16.0",
        ),
    ],
    ids=["the first", "a new one"],
)
def test_a_plan_over_regions_of_mixed_versions_is_refused_with_the_release_that_differs(
    where: str, step: str
):
    mixed = planned(where, release("operator", "1.15.1"), *RELEASES[1:])
    told = [words for words in mixed.refusals if words not in planned().refusals]
    assert (
        "not of 1.16.0, as the topology says: operator 1.15.1; an installation of mixed versions is"
        in told[0]
    )
    assert told[0].startswith(f"{where}, cluster ")
    assert told[1:] == ([step] if step else [])


def test_a_release_that_is_not_deployed_is_refused_in_the_first_region_only():
    broken = replace(GOOD, releases=(*RELEASES[1:], release("operator", status="failed")))
    assert [s for s, _ in of(found(broken), "helm-releases")] == ["refuse"]
    assert [s for s, _ in of(found(GOOD, broken), "helm-releases")] == ["warn"]


def test_overrides_that_are_not_those_installed_are_found_by_their_names():
    other = replace(OVERRIDES, environments=("test", "prod"))
    ((severity, words),) = [f for f in of(found(GOOD, overrides=other), "resource-names") if f[0] == "refuse"]
    assert severity == "refuse"
    assert "ApigeeEnvironment" in words


def test_another_cluster_is_another_identity_provider():
    ((severity, words),) = of(
        found(GOOD, overrides=replace(OVERRIDES, federation="//iam/first")), "workload-identity"
    )
    assert severity == "warn"
    assert "issuer" in words


def test_definitions_of_todays_charts_do_not_fit_apigeectl():
    topology = two_regions()
    regions = dict(world(TOPOLOGY, RING).regions)
    modern = replace(GOOD, definitions={"secretrotations.apigee.cloud.google.com": "a"})
    regions["eastus"] = replace(regions["eastus"], apigee=modern)
    assert [f.severity for f in helm_findings(topology, regions)] == ["warn"]
