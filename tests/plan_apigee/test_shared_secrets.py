"""Which secrets of the first region a new one gets, and which of its own it keeps."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.kubernetes import ClusterObjects
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.plan.phases.shared_secrets import Sharing, decide_secrets, findings, secrets_step, sharing
from hybridspan.topology.model import Topology

from .conftest import objects, secret, store

NAMED = OverridesFacts("o", exists=True, secrets=frozenset({"named", "prod-tls"}))
CREDENTIALS = secret("creds")
NAMED_ONE = secret("named", purpose="")
FIRST = objects(CREDENTIALS, NAMED_ONE, secret("own", purpose=""))
ISSUED = replace(secret("prod-tls", purpose=""), is_issued=True)
INSTALLED = ApigeeFacts("1.16.0", True, store(), ())
BARE = ApigeeFacts(None, False, None, ())


def told(own: ClusterObjects | None, first: ClusterObjects | None = FIRST, apigee: ApigeeFacts = BARE) -> Any:
    return decide_secrets(first, NAMED, own, apigee)


def region(cluster: ClusterObjects | None, apigee: ApigeeFacts | None = BARE) -> RegionFacts:
    azure: Any = SimpleNamespace()
    return RegionFacts(azure, cluster, apigee, (), NAMED)


def test_secrets_are_compared_by_hash_and_chosen_by_purpose_or_name():
    assert sharing(FIRST, NAMED, objects(), BARE) == Sharing(missing=("creds", "named"))
    assert told(objects()).state == "needed"
    assert told(objects(CREDENTIALS, NAMED_ONE)).is_done


def test_what_cannot_be_seen_is_decided_later():
    assert told(None).state == "later"
    assert told(objects(), first=None).state == "later"


def test_a_certificate_of_the_regions_own_is_told_and_left():
    tls = secret("prod-tls", "of the first", purpose="ingress TLS")
    own = objects(CREDENTIALS, NAMED_ONE, replace(tls, hashes={"key": "of this region"}))
    decision = told(own, objects(CREDENTIALS, NAMED_ONE, tls))
    assert decision.is_done
    assert "left as they are: prod-tls" in decision.reason


def test_what_is_missing_is_copied_beside_what_is_left():
    own = objects(secret("named", "another", purpose=""))
    decision = told(own)
    assert decision.state == "needed"
    assert "not there yet: creds" in decision.reason
    assert "left as they are: named" in decision.reason


def test_the_rings_passwords_are_exchanged_only_where_no_datastore_uses_the_others():
    own = objects(secret("creds", "another"), NAMED_ONE)
    assert sharing(FIRST, NAMED, own, BARE).exchanged == ("creds",)
    assert "no datastore uses them: creds, which is written over" in told(own).reason
    in_use = told(own, apigee=INSTALLED)
    assert in_use.is_done
    assert "left as they are: creds" in in_use.reason


def test_what_cert_manager_issued_is_never_copied_named_or_not():
    first = objects(CREDENTIALS, ISSUED)
    assert sharing(first, NAMED, objects(), BARE).missing == ("creds",)
    decision = told(objects(CREDENTIALS), first)
    assert decision.is_done
    assert "cert-manager issues it in each region: prod-tls" in decision.reason


def test_another_certificate_that_cert_manager_issued_in_the_region_stays():
    first = objects(CREDENTIALS, ISSUED)
    own = objects(CREDENTIALS, replace(ISSUED, hashes={"key": "another"}))
    assert sharing(first, NAMED, own, BARE) == Sharing(same=("creds",))


def test_the_person_is_told_how_to_have_a_missing_certificate_issued(topology: Topology):
    first = region(objects(CREDENTIALS, ISSUED))
    for own in (region(None, None), region(objects(CREDENTIALS))):
        facts = WorldFacts(0.0, {"eastus": first, "centralus": own}, None)
        (found,) = findings(topology, facts)
        assert (found.severity, found.where) == ("warn", "centralus, secret prod-tls")
        assert "-n apigee get certificates,issuers" in found.hint
    issued = region(objects(CREDENTIALS, replace(ISSUED, hashes={"key": "another"})))
    assert findings(topology, WorldFacts(0.0, {"eastus": first, "centralus": issued}, None)) == []


def test_the_commands_write_and_take_back_nothing_of_the_regions_own(topology: Topology):
    centralus = topology.new_regions[0]
    own = region(objects(secret("named", "of this region", purpose="")))
    step = secrets_step(topology.first, centralus, region(FIRST), own)
    assert [c.text().split(" get secret ")[1].split()[0] for c in step.commands] == ["creds"]
    assert all("named" not in c.argv for c in step.undo)


def test_before_there_is_a_cluster_the_commands_copy_what_is_shared(topology: Topology):
    first = region(objects(CREDENTIALS, NAMED_ONE, ISSUED))
    step = secrets_step(topology.first, topology.new_regions[0], first, region(None, None))
    assert len(step.commands) == len(step.undo) == 2


def test_what_a_chart_made_by_argo_cd_is_left_to_helm_and_what_else_argo_cd_brings_is_copied():
    """Helm makes it in the new region from the same overrides, and refuses to take over a copy."""
    made, brought = replace(secret("creds"), application="store"), replace(secret("tls"), application="vault")
    first = objects(made, brought)
    assert sharing(first, None, objects(), None, {"store"}).missing == ("tls",)
    assert "1 secrets are as in" in decide_secrets(first, None, objects(brought), None, {"store"}).reason
