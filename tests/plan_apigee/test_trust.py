from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.plan.phases import neighbours, trust
from hybridspan.topology.model import Topology

from .conftest import objects, secret, store

CA = secret("apigee-ca", "1")
INSTALLED = ApigeeFacts("1.11.2", True, store(), ())
BARE = ApigeeFacts(None, False, None, ())


@pytest.mark.parametrize(
    ("first", "own", "apigee", "state"),
    [
        (None, objects(), BARE, "later"),
        (objects(), objects(), BARE, "refused"),
        (objects(authority=CA), None, None, "later"),
        (objects(authority=CA), objects(), BARE, "needed"),
        (objects(authority=CA), objects(authority=CA), BARE, "done"),
        (objects(authority=CA), objects(authority=secret("apigee-ca", "2")), BARE, "needed"),
        (objects(authority=CA), objects(authority=secret("apigee-ca", "2")), INSTALLED, "refused"),
    ],
)
def test_the_authority(first, own, apigee, state: str):
    assert trust.decide_authority(first, own, apigee).state == state


BESIDE = replace(BARE, elsewhere=("apigee-nonprod",))
OTHER = objects(authority=secret("apigee-ca", "2"))


def test_the_authority_of_an_installation_in_another_namespace_is_never_replaced():
    decision = trust.decide_authority(objects(authority=CA), OTHER, BESIDE)
    assert decision.state == "refused"
    assert "namespace apigee-nonprod uses it" in decision.reason
    with_ours = replace(BESIDE, datastore=store(state="creating", ready=0))
    # Not with the way back that deletes apigee-ca.
    assert trust.decide_authority(objects(authority=CA), OTHER, with_ours).hint == neighbours.SHARED


def test_the_way_back_leaves_what_another_installation_uses(topology: Topology):
    azure: Any = SimpleNamespace()
    for apigee in (BARE, BESIDE):
        regions = {
            "eastus": RegionFacts(azure, objects(authority=CA), BARE, ()),
            "centralus": RegionFacts(azure, objects(authority=CA), apigee, ()),
        }
        steps = {s.phase: s for s in trust.plan_trust(topology, WorldFacts(0.0, regions, None))}
        for phase in ("authority", "cert-manager"):
            assert bool(steps[phase].undo) == (apigee is BARE)
            assert ("apigee-nonprod" in steps[phase].undo_note) == (apigee is BESIDE)


def test_an_authority_that_both_installations_of_a_cluster_have_is_done():
    assert trust.decide_authority(objects(authority=CA), objects(authority=CA), BESIDE).is_done


def test_an_authority_is_not_replaced_where_other_namespaces_cannot_be_seen():
    decision = trust.decide_authority(objects(authority=CA), OTHER, replace(BARE, elsewhere=None))
    assert decision.state == "refused"
    assert "apigeedatastores" in decision.hint


LATE = replace(objects(authority=CA), authority_issued_nodes=False)


def test_an_authority_that_came_after_the_nodes_certificates_is_told_with_the_way_back():
    never_joined = replace(INSTALLED, datastore=store(state="creating", ready=0))
    decision = trust.decide_authority(objects(authority=CA), LATE, never_joined)
    assert decision.state == "refused"
    assert "copied too late" in decision.reason
    assert "forceDelete" in decision.hint


def test_certificates_of_another_authority_that_nothing_uses_are_issued_anew():
    decision = trust.decide_authority(objects(authority=CA), LATE, BARE)
    assert decision.state == "needed"
    assert "issued anew" in decision.reason


def test_nodes_that_have_joined_are_not_suspected():
    assert trust.decide_authority(objects(authority=CA), LATE, INSTALLED).is_done


@pytest.mark.parametrize(
    ("first", "own", "state"),
    [
        (None, objects(), "later"),
        (objects(cert_manager=None), objects(), "refused"),
        (objects(), None, "later"),
        (objects(), objects(cert_manager=None), "needed"),
        (objects(), objects(ready=False), "needed"),
        (objects(), objects(), "done"),
        (objects(), objects(cert_manager="v1.14.0"), "done"),
    ],
)
def test_cert_manager(first, own, state: str):
    assert trust.decide_cert_manager(first, own).state == state


WHOLE = replace(objects(), cert_manager_parts=frozenset({"Deployment cert-manager", "Deployment webhook"}))
HALF = replace(WHOLE, cert_manager_parts=frozenset({"Deployment cert-manager"}))


def test_half_a_cert_manager_is_completed_though_what_is_there_is_available():
    decision = trust.decide_cert_manager(WHOLE, HALF)
    assert decision.state == "needed"
    assert "it lacks Deployment webhook" in decision.reason


def test_a_cert_manager_of_another_version_is_somebodys_own():
    assert trust.decide_cert_manager(WHOLE, replace(HALF, cert_manager_version="v1.14.0")).is_done


def test_parts_that_cannot_be_seen_are_not_missing():
    assert trust.decide_cert_manager(WHOLE, objects()).is_done
    assert trust.decide_cert_manager(objects(), HALF).is_done


@pytest.mark.parametrize(
    ("wanted", "first", "own", "state"),
    [
        (None, objects(), objects(), "done"),
        ("premium", objects(), None, "later"),
        ("premium", objects(), objects(), "refused"),
        ("premium", objects(classes=("premium",)), objects(), "needed"),
        ("premium", objects(), objects(classes=("premium",)), "done"),
    ],
)
def test_the_storage_class(wanted: str | None, first, own, state: str):
    assert trust.decide_storage(wanted, first, own).state == state


def test_the_namespace(topology: Topology):
    region = topology.new_regions[0]
    assert trust.decide_namespace(region, None).state == "later"
    assert trust.decide_namespace(region, objects()).state == "needed"
    assert trust.decide_namespace(region, objects(namespaces=frozenset({"apigee"}))).is_done
