from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.apigee import preflight as apigee
from hybridspan.errors import PermanentFailure
from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import Finding, RegionFacts
from hybridspan.kubernetes import preflight as kubernetes
from hybridspan.kubernetes import rights
from hybridspan.topology.model import Topology

from .conftest import objects, secret, store

CA = replace(secret("apigee-ca", "1"), hashes={"tls.crt": "1", "tls.key": "1"})
CREDENTIALS = secret("apigee-datastore-default-creds")
HEALTHY = objects(CREDENTIALS, authority=CA)
NO_AZURE: Any = SimpleNamespace(cluster=None)


def first_store(**over: Any) -> Any:
    return replace(store(datacenter="dc-1"), **over)


def installed(live: Any, **over: Any) -> ApigeeFacts:
    return replace(ApigeeFacts("1.11.2", True, live, ()), **over)


def region(
    cluster: Any = HEALTHY, live: ApigeeFacts | None = None, azure: Any = NO_AZURE, **over: Any
) -> RegionFacts:
    overrides = OverridesFacts("o", exists=True, **over)
    return RegionFacts(azure, cluster, live or installed(first_store()), (), overrides)


NEW = RegionFacts(NO_AZURE, None, None, ())


def severity(found: list[Finding], check: str, where: str = "eastus") -> list[str]:
    return [f.severity for f in found if f.check == check and f.where.startswith(where)]


def of_clusters(topology: Topology, first: RegionFacts, new: RegionFacts = NEW) -> list[Finding]:
    return kubernetes.findings(topology, {"eastus": first, "centralus": new})


def of_apigee(topology: Topology, first: RegionFacts, new: RegionFacts = NEW) -> list[Finding]:
    return apigee.findings(topology, {"eastus": first, "centralus": new})


def test_a_healthy_first_region_refuses_nothing(topology: Topology):
    found = of_clusters(topology, region()) + of_apigee(topology, region())
    assert [f for f in found if f.severity == "refuse"] == []


def test_a_missing_cluster_is_refused(topology: Topology):
    assert severity(of_clusters(topology, NEW), "cluster") == ["refuse"]


@pytest.mark.parametrize(
    ("cluster", "check"),
    [
        (objects(CREDENTIALS), "authority"),
        (objects(CREDENTIALS, authority=secret("apigee-ca")), "authority"),
        (objects(CREDENTIALS, authority=CA, cert_manager=None), "cert-manager"),
        (objects(authority=CA), "credentials"),
    ],
)
def test_what_a_new_region_would_lack_is_refused(topology: Topology, cluster: Any, check: str):
    assert severity(of_clusters(topology, region(cluster)), check) == ["refuse"]


def test_a_missing_storage_class_is_warned_of(topology: Topology):
    assert severity(of_clusters(topology, region(storage_class="premium")), "storage-class") == ["warn"]


def test_another_authority_under_a_datastore_is_refused(topology: Topology):
    other = region(objects(CREDENTIALS, authority=secret("apigee-ca", "2")), installed(store()))
    assert severity(of_clusters(topology, region(), other), "authority", "centralus") == ["refuse"]


def test_other_credentials_under_a_datastore_are_warned_of(topology: Topology):
    other = region(objects(secret(CREDENTIALS.name, "y"), authority=CA), installed(store()))
    assert severity(of_clusters(topology, region(), other), "credentials", "centralus") == ["warn"]


def test_no_installation_is_refused(topology: Topology):
    bare = region(live=ApigeeFacts(None, False, None, ()))
    assert severity(of_apigee(topology, bare), "installation") == ["refuse"]


@pytest.mark.parametrize(
    ("live", "check"),
    [
        (installed(first_store(), hybrid_version="1.10.0"), "hybrid-version"),
        (installed(first_store(), controller_ready=False), "controller"),
        (installed(first_store(state="creating")), "datastore"),
        (installed(first_store(datacenter="DC-1")), "names"),
        (installed(first_store(cluster_name="x")), "names"),
        (installed(first_store(replicas=6)), "node-count"),
    ],
)
def test_what_contradicts_the_topology_is_refused(topology: Topology, live: ApigeeFacts, check: str):
    assert severity(of_apigee(topology, region(live=live)), check) == ["refuse"]


def test_backups_that_are_off_are_warned_of(topology: Topology):
    assert severity(of_apigee(topology, region()), "backup") == ["warn"]
    on = installed(first_store(backup_enabled=True))
    assert severity(of_apigee(topology, region(live=on)), "backup") == ["pass"]


def test_another_network_mode_is_refused(topology: Topology):
    new = replace(NEW, overrides=OverridesFacts("o", exists=True, host_network=True))
    assert severity(of_apigee(topology, region(), new), "host-network", "centralus") == ["refuse"]


def test_pods_that_no_region_can_reach_are_told_beforehand(topology: Topology):
    cluster = SimpleNamespace(pods_are_routable=False, network_plugin="kubenet", network_plugin_mode=None)
    overlay: Any = SimpleNamespace(cluster=cluster)
    warning = next(f for f in of_apigee(topology, region(azure=overlay)) if f.check == "host-network")
    assert warning.severity == "warn"
    assert "no node of another region could join" in warning.message
    assert warning.hint.startswith("step host-network/eastus changes the existing region first")
    on_nodes = region(live=installed(first_store(host_network=True)), azure=overlay, host_network=True)
    assert severity(of_apigee(topology, on_nodes), "host-network") == []


def test_pods_of_argo_cds_that_no_region_can_reach_are_argo_cds_to_change(topology: Topology):
    cluster = SimpleNamespace(pods_are_routable=False, network_plugin="kubenet", network_plugin_mode=None)
    azure: Any = SimpleNamespace(cluster=cluster)
    argo = region(
        live=installed(first_store(), tracked={"datastore": "hybrid-east"}, releases=()), azure=azure
    )
    found = of_apigee(replace(topology, installer="helm"), argo)
    (finding,) = (f for f in found if f.check == "host-network")
    assert finding.severity == "refuse"
    assert "the values of Argo CD's application hybrid-east and into o, sync it" in finding.hint


def of_rights(topology: Topology, first: Any, new: Any = None, there: RegionFacts = NEW) -> list[Finding]:
    reviews = {"eastus": first} | ({"centralus": new} if new is not None else {})
    return list(rights.findings(topology, {"eastus": region(), "centralus": there}, reviews))


def test_rights_that_nothing_is_missing_of_pass(topology: Topology):
    assert severity(of_rights(topology, ()), rights.CHECK) == ["pass"]


def test_a_sign_in_that_runs_no_command_in_pods_is_refused_and_told_both_verbs(topology: Topology):
    (found,) = of_rights(topology, (rights.IN_PODS[0],))
    assert (found.severity, found.message) == ("refuse", "the sign-in may not get pods/exec")
    assert "both get and create" in found.hint


def test_a_sign_in_that_cannot_install_is_refused_only_where_there_is_something_to_install(
    topology: Topology,
):
    lacking = rights.INSTALLING[:2]
    installed_there = region(live=installed(store()))
    assert severity(of_rights(topology, lacking), rights.CHECK) == ["warn"]
    assert severity(of_rights(topology, (), lacking), rights.CHECK, "centralus") == ["refuse"]
    assert severity(of_rights(topology, (), lacking, installed_there), rights.CHECK, "centralus") == ["warn"]


def test_rights_that_cannot_be_asked_for_are_warned_of(topology: Topology):
    found = of_rights(topology, PermanentFailure("HS-KUBE-003", "the API server does not let us"))
    assert [f.severity for f in found] == ["warn"]
