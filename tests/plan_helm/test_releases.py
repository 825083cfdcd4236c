from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.facts.helm import split_chart
from hybridspan.facts.world import Installation
from hybridspan.plan.phases.definitions import decide_crds
from hybridspan.plan.phases.operator import (
    decide_operator,
    decide_organization,
    key_of,
    organization_resource,
)
from hybridspan.plan.phases.releases import decide_release, the_release, wanted_releases
from hybridspan.topology.resource_names import environment_name, organization_name

from .world import (
    CHARTS,
    FIRST,
    ORGANIZATION,
    OVERRIDES,
    RELEASES,
    apigee,
    organization,
    release,
    with_helm,
)

TOPOLOGY = with_helm()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apigee-env-1.16.0", ("apigee-env", "1.16.0")),
        ("apigee-ingress-manager-1.14.2-hotfix.1", ("apigee-ingress-manager", "1.14.2-hotfix.1")),
        ("something", ("something", "")),
    ],
)
def test_a_chart_is_a_name_and_a_version(text: str, expected: tuple[str, str]):
    assert split_chart(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (organization_name("apigee-hybrid-378710"), "apigee-hybrid-3-97e66ab"),
        (organization_name("claup-apigee-hybrid-desa"), "claup-apigee-hy-ecaf627"),
        (environment_name("apigee-hybrid-378710", "test2"), "apigee-hybrid-3-test2-5a04239"),
    ],
)
def test_names_of_resources_are_those_of_live_installations(name: str, expected: str):
    assert name == expected


def test_the_names_of_the_first_region_are_followed():
    found = {key_of(w): w.name for w in wanted_releases(TOPOLOGY, FIRST)}
    assert found == {
        **{name: name for name in ("operator", "datastore", "telemetry", "redis", "ingress-manager")},
        "org": "my-org",
        "env/test": "env-release",
        "virtualhost/test": "group-release",
    }


def test_without_a_name_to_follow_those_of_the_guide_are_taken_and_none_twice():
    found = {key_of(w): w.name for w in wanted_releases(TOPOLOGY, Installation(None, OVERRIDES))}
    assert (found["org"], found["env/test"], found["virtualhost/test"]) == (
        "hybrid-test-7",
        "test",
        "test-virtualhost",
    )


def test_a_chart_that_is_installed_for_each_is_told_for_which():
    (found,) = (w for w in wanted_releases(TOPOLOGY, FIRST) if w.component == "env")
    assert (found.chart, found.settings) == ("apigee-env", ("env=test",))


@pytest.mark.parametrize(
    ("held", "state", "words"),
    [
        (None, "later", "no cluster runs there yet"),
        ((), "needed", "is not installed"),
        ((release("datastore"),), "done", "apigee-datastore 1.16.0, deployed"),
        (
            (release("datastore", "1.15.1"),),
            "refused",
            "is apigee-datastore 1.15.1, the topology says 1.16.0",
        ),
        ((release("datastore", status="failed"),), "needed", "is failed"),
        ((release("datastore", status="pending-install"),), "needed", "is pending-install"),
        ((replace(release("redis"), name="datastore"),), "refused", "taken by a release of apigee-redis"),
        (
            (replace(release("datastore"), name="store"),),
            "refused",
            "here as store, deployed; every region is to have it as datastore",
        ),
        (
            (replace(release("datastore"), name="store", status="pending-upgrade"),),
            "refused",
            "here as store, pending-upgrade;",
        ),
    ],
)
def test_a_release_is_installed_once_in_one_version_under_one_name(held, state: str, words: str):
    own = None if held is None else apigee(*held)
    decision = decide_release(TOPOLOGY, the_release(TOPOLOGY, FIRST, "datastore"), own)
    assert decision.state == state
    assert words in decision.reason


@pytest.mark.parametrize(
    ("name", "key", "words"),
    [
        ("env-release", "env/test", "takes down all that it runs here. "),
        ("datastore", "datastore", "its Cassandra nodes leave the ring"),
        ("operator", "operator", "nothing of Apigee can be changed without it"),
    ],
)
def test_what_may_serve_under_another_name_comes_with_no_command_that_takes_it_down(
    name: str, key: str, words: str
):
    own = apigee(replace(release(name), name="another"))
    (wanted,) = (w for w in wanted_releases(TOPOLOGY, FIRST) if w.key == key)
    hint = decide_release(TOPOLOGY, wanted, own).hint
    assert "helm uninstall" not in hint
    assert "keep another while it may serve" in hint
    assert words in hint


BY_ARGO = {"operator": "centralus-operator", "org": "centralus-my-org", "env/test": "centralus-test"}


def test_what_argo_cd_has_installed_is_done_without_a_release():
    own = apigee(tracked=BY_ARGO, resources=(organization(),))
    for key, application in BY_ARGO.items():
        (wanted,) = (w for w in wanted_releases(TOPOLOGY, FIRST) if w.key == key)
        decision = decide_release(TOPOLOGY, wanted, own)
        assert decision.is_done
        assert f"Argo CD's application {application}" in decision.reason
    assert decide_operator(TOPOLOGY, FIRST, own).is_done
    assert decide_organization(TOPOLOGY, FIRST, own).is_done


def test_what_argo_cd_has_installed_must_run_and_be_of_the_same_release():
    own = apigee(tracked=BY_ARGO, controller_ready=False)
    assert decide_operator(TOPOLOGY, FIRST, own).state == "needed"
    assert decide_organization(TOPOLOGY, FIRST, own).state == "needed"
    other = decide_operator(TOPOLOGY, FIRST, replace(own, hybrid_version="1.15.1"))
    assert other.state == "refused"
    assert "this cluster has hybrid 1.15.1" in other.reason


def test_what_argo_cd_has_not_installed_yet_is_needed():
    own = apigee(tracked=BY_ARGO)
    assert decide_release(TOPOLOGY, the_release(TOPOLOGY, FIRST, "redis"), own).state == "needed"


def test_an_operator_that_does_not_answer_is_not_done():
    assert (
        decide_operator(TOPOLOGY, FIRST, apigee(release("operator"), controller_ready=False)).state
        == "needed"
    )
    assert decide_operator(TOPOLOGY, FIRST, apigee(release("operator"))).is_done


@pytest.mark.parametrize(
    ("definitions", "state"),
    [
        ({}, "needed"),
        ({"another": "a"}, "needed"),
        ({"apigeedatastores": "old"}, "needed"),
        ({"apigeedatastores": "a"}, "done"),
    ],
)
def test_definitions_are_as_in_the_first_region(definitions: dict[str, str], state: str):
    assert decide_crds(FIRST.apigee, apigee(definitions=definitions)).state == state


def test_definitions_that_another_namespaces_installation_uses_are_not_changed():
    own = apigee(definitions={"apigeedatastores": "old"}, elsewhere=("apigee-nonprod",))
    decision = decide_crds(FIRST.apigee, own)
    assert decision.state == "refused"
    assert "namespace apigee-nonprod" in decision.reason
    assert decide_crds(FIRST.apigee, replace(own, definitions={"apigeedatastores": "a"})).is_done


@pytest.mark.parametrize(
    ("resources", "state"),
    [
        ((), "needed"),
        ((organization("creating"),), "needed"),
        ((organization(),), "done"),
        ((organization(name="another-1234567"),), "refused"),
    ],
)
def test_the_organization_has_the_name_that_it_has_everywhere(resources, state: str):
    own = apigee(release("my-org"), resources=resources)
    assert decide_organization(TOPOLOGY, FIRST, own).state == state


def test_the_name_is_computed_where_no_region_tells_it():
    assert organization_resource(TOPOLOGY, None) == ORGANIZATION


def test_every_chart_is_known_to_the_planner():
    assert [w.chart for w in wanted_releases(TOPOLOGY, FIRST)] == list(CHARTS.values())
    assert len(RELEASES) == len(CHARTS)
