"""Whether the authority in the cluster is the one whose certificates the nodes use."""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import replace

import pytest

from hybridspan.facts.kubernetes import ClusterObjects
from hybridspan.kubernetes.objects import authority_issued_nodes
from hybridspan.topology.model import Topology
from hybridspan_lab.apigee.issuing import Pair, issue
from tests.plan_apigee.test_preflight import HEALTHY, NEW, of_clusters, region, severity

NOW = dt.datetime.now(dt.UTC)
ROOT = {"commonName": "apigee-hybrid", "isCA": True, "privateKey": {"algorithm": "ECDSA"}}
LEAF = {"commonName": "apigee-cassandra-default", "privateKey": {"algorithm": "ECDSA"}}


def secret(pair: Pair, name: str = "", content: bytes | None = None) -> dict[str, object]:
    encoded = base64.b64encode(pair.certificate if content is None else content).decode()
    return {
        "metadata": {"annotations": {"cert-manager.io/certificate-name": name}},
        "data": {"tls.crt": encoded},
    }


@pytest.fixture(scope="module")
def authority() -> Pair:
    return issue(ROOT, None, NOW)


def test_the_authority_that_issued_the_nodes_certificate_is_known(authority: Pair) -> None:
    leaf = secret(issue(LEAF, authority, NOW), "apigee-cassandra-default")
    assert authority_issued_nodes(secret(authority), [secret(authority, "other"), leaf]) is True


def test_one_of_the_same_name_made_anew_is_told_apart(authority: Pair) -> None:
    leaf = secret(issue(LEAF, authority, NOW), "apigee-cassandra-default")
    assert authority_issued_nodes(secret(issue(ROOT, None, NOW)), [leaf]) is False


def test_where_either_is_missing_or_unreadable_nothing_is_said(authority: Pair) -> None:
    leaf = secret(issue(LEAF, authority, NOW), "apigee-cassandra-default")
    assert authority_issued_nodes(None, [leaf]) is None
    assert authority_issued_nodes(secret(authority), []) is None
    assert authority_issued_nodes(secret(authority, content=b"nothing"), [leaf]) is None


def test_an_authority_made_anew_is_refused_before_any_change(topology: Topology) -> None:
    anew: ClusterObjects = replace(HEALTHY, authority_issued_nodes=False)
    assert severity(of_clusters(topology, region(anew), NEW), "authority", "eastus") == ["refuse"]
