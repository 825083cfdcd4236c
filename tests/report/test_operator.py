"""Releases and the operator's copying, as a person, a program and a browser see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.facts.apigee import DataReplicationFacts, NodeReplication, ReplicationStatus
from hybridspan.facts.helm import HelmRelease
from hybridspan.facts.world import WorldFacts
from hybridspan.report.documents import status_document
from hybridspan.report.html import page
from hybridspan.report.status import render_status
from hybridspan.topology.model import Topology

from .test_documents import satisfies

DATASTORE = HelmRelease("datastore", "apigee-datastore", "1.16.0", "deployed", 3)
FAILED = "failed to rebuild from us-west1: java.lang.IllegalArgumentException: Provided datacenter 'us-west1' is not a valid datacenter"


def with_helm(
    facts: WorldFacts, topology: Topology, *, source: str = "dc-1", state: str = "complete", message: str = ""
) -> WorldFacts:
    """The second region has one release less, and a resource."""
    regions = dict(facts.regions)
    for number, region in enumerate(topology.regions):
        own = regions[region.name].apigee
        assert own is not None
        releases = (
            (DATASTORE,) if number else (DATASTORE, replace(DATASTORE, name="redis", chart="apigee-redis"))
        )
        regions[region.name] = replace(regions[region.name], apigee=replace(own, releases=releases))
    new = topology.regions[1].name
    own = regions[new].apigee
    assert own is not None
    assert own.datastore is not None
    nodes = {"apigee-cassandra-default-0": NodeReplication(state, message)}
    store = replace(own.datastore, replication=ReplicationStatus(state, nodes))
    resource = DataReplicationFacts("region-expansion", "org-1", source, False, state, message, 1, 1)
    apigee = replace(own, datastore=store, replications=(resource,))
    regions[new] = replace(regions[new], apigee=apigee)
    return replace(facts, regions=regions)


def test_releases_stand_side_by_side(topology: Topology, facts: WorldFacts) -> None:
    said = str(render_status(topology, with_helm(facts, topology)))
    assert (
        "release=datastore  chart=apigee-datastore  eastus=1.16.0 deployed  centralus=1.16.0 deployed" in said
    )
    assert "release=redis  chart=apigee-redis  eastus=1.16.0 deployed  centralus=none" in said


def test_what_argo_cd_has_installed_is_not_said_to_be_none(topology: Topology, facts: WorldFacts) -> None:
    seen = with_helm(facts, topology)
    new = topology.regions[1].name
    own = seen.regions[new].apigee
    assert own is not None
    argo = replace(own, releases=(), hybrid_version="1.16.0", tracked={"datastore": "hybrid-west"})
    regions = {**seen.regions, new: replace(seen.regions[new], apigee=argo)}
    said = str(render_status(topology, replace(seen, regions=regions)))
    assert (
        "release=datastore  chart=apigee-datastore  eastus=1.16.0 deployed  centralus=1.16.0 by Argo CD"
        in said
    )
    assert "release=redis  chart=apigee-redis  eastus=1.16.0 deployed  centralus=none" in said


def test_releases_of_a_cluster_that_was_not_looked_into_are_not_said_to_be_none(
    topology: Topology, facts: WorldFacts
) -> None:
    seen = with_helm(facts, topology)
    new = topology.regions[1].name
    closed = replace(seen.regions[new], cluster=None, apigee=None, nodes=())
    said = str(render_status(topology, replace(seen, regions={**seen.regions, new: closed})))
    assert "release=redis  chart=apigee-redis  eastus=1.16.0 deployed  centralus=not seen" in said


def test_the_copying_is_shown_node_by_node(topology: Topology, facts: WorldFacts) -> None:
    said = str(render_status(topology, with_helm(facts, topology)))
    assert (
        "region=centralus  resource=region-expansion  from=dc-1  state=complete  nodes complete=1 of 1"
        in said
    )
    assert "node=apigee-cassandra-default-0  state=complete" in said


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (FAILED, "HS-APIGEE-040"),
        ('ApigeeOrganization.apigee.cloud.google.com "x" not found', "HS-APIGEE-043"),
    ],
)
def test_a_failure_is_named_with_the_next_move(
    topology: Topology, facts: WorldFacts, told: str, code: str
) -> None:
    seen = with_helm(facts, topology, source="us-west1", state="error", message=told)
    said = str(render_status(topology, seen))
    assert code in said
    assert "Next: " in said
    document = status_document(topology, seen)
    satisfies("status", document)
    assert document["regions"][1]["replication"]["cause"]["code"] == code


def test_programs_get_the_same(topology: Topology, facts: WorldFacts) -> None:
    document = status_document(topology, with_helm(facts, topology))
    satisfies("status", document)
    first, second, _ = document["regions"]
    assert [r["name"] for r in first["releases"]] == ["datastore", "redis"]
    assert second["replication"]["nodes"] == [
        {"pod": "apigee-cassandra-default-0", "state": "complete", "message": ""}
    ]


def test_without_helm_nothing_is_said_of_it(topology: Topology, facts: WorldFacts) -> None:
    assert "release" not in str(render_status(topology, facts))
    assert status_document(topology, facts)["regions"][0]["releases"] is None


def test_the_page_shows_both(report, facts: WorldFacts, topology: Topology) -> None:
    text = page(replace(report, facts=with_helm(facts, topology)))
    assert "region-expansion" in text
    assert "apigee-datastore" in text
    assert "operator" not in page(report)
