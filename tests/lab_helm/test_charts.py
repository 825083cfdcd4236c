"""The charts, rendered by the real helm."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybridspan_lab.apigee import cassandra_objects, components, names, organization
from hybridspan_lab.apigee.overrides import Overrides
from hybridspan_lab.helm import charts
from tests.lab_helm.conftest import VERSION, one, where

CHOSEN = ("--set", "env=test,envgroup=group")


@pytest.mark.parametrize("chart", charts.CHARTS)
def test_helm_finds_nothing_wrong_with_a_chart(helm, folder, values, tmp_path, chart):
    said = helm("lint", str(folder / chart), *where(tmp_path, values), *CHOSEN).stdout
    assert "0 chart(s) failed" in said


@pytest.mark.parametrize("version", ["1.12.4", "1.13.2", "1.14.2-hotfix.1", "1.15.1", "1.17.0"])
def test_the_charts_are_of_the_version_that_is_asked_for(helm, values, tmp_path, version):
    charts.write(tmp_path / "charts", version)
    for chart in charts.CHARTS:
        place = str(tmp_path / "charts" / chart)
        assert f"version: {version}" in helm("show", "chart", place).stdout
        said = helm("template", "r", place, *where(tmp_path, values), *CHOSEN).stdout
        assert f"apigee-watcher:{version}" in said


@pytest.mark.parametrize("chart", charts.CHARTS)
def test_every_release_is_preceded_by_a_look_at_the_cluster(render, values, chart):
    pod = one(render(chart, values, *CHOSEN), "Pod")
    assert pod["metadata"]["name"] == f"apigee-hybrid-helm-guardrail-{chart.removeprefix('apigee-')}"
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"


def test_the_datastore_is_the_one_that_apigeectl_would_make(render, values):
    found = one(render("apigee-datastore", values), "ApigeeDatastore")
    cassandra = components.datastore(Overrides(Path("o.yaml"), values))[0]["spec"]["components"]["cassandra"]
    made = found["spec"]["components"]["cassandra"]
    for key in ("replicas", "hostNetwork", "storage", "properties", "nodeSelector"):
        assert made[key] == cassandra[key]
    assert found["metadata"]["name"] == "default"
    assert found["spec"]["version"] == VERSION


def test_the_controller_can_work_with_what_the_charts_make(render, values):
    found = one(render("apigee-datastore", values), "ApigeeDatastore")
    pod = cassandra_objects.stateful_set(found)["spec"]["template"]["spec"]
    assert [c["name"] for c in pod["containers"]] == ["apigee-cassandra", "apigee-cassandra-metrics"]
    secrets = [v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v]
    assert secrets == ["apigee-cassandra-default-tls", "apigee-cassandra-auth"]


def test_before_1_16_a_node_is_one_container(values, helm, tmp_path):
    charts.write(tmp_path / "older", "1.14.2")
    said = helm("template", "r", str(tmp_path / "older/apigee-datastore"), *where(tmp_path, values)).stdout
    assert "apigee-cassandra-metrics" not in said
    assert "apigee-hybrid-cassandra:1.14.2" in said


def test_passwords_in_the_overrides_become_the_credentials_secret(render, values):
    values["cassandra"]["auth"] = {"jmx": {"password": "from-the-file"}}
    documents = render("apigee-datastore", values)
    secret = one(documents, "Secret", "apigee-datastore-default-creds")["stringData"]
    assert secret["jmx.password"] == "from-the-file"
    assert secret["ddl.user"] == "ddl_user"
    assert one(documents, "ApigeeDatastore")["spec"]["credentialRef"] == "apigee-datastore-default-creds"


def test_a_secret_of_ones_own_is_referred_to_and_no_other_made(render, values):
    documents = render("apigee-datastore", values)
    assert [d for d in documents if d["kind"] == "Secret"] == []
    assert one(documents, "ApigeeDatastore")["spec"]["credentialRef"] == "apigee-cassandra-auth"


def test_a_seed_that_is_taken_out_leaves_no_trace(render, values):
    del values["cassandra"]["multiRegionSeedHost"]
    found = one(render("apigee-datastore", values), "ApigeeDatastore")
    assert "multiRegionSeedHost" not in found["spec"]["components"]["cassandra"]["properties"]


def test_host_network_comes_with_its_name_resolution(render, values):
    values["cassandra"]["hostNetwork"] = True
    cassandra = one(render("apigee-datastore", values), "ApigeeDatastore")["spec"]["components"]["cassandra"]
    assert (cassandra["hostNetwork"], cassandra["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")


def test_resources_have_the_same_names_in_every_region(render, values):
    owner = one(render("apigee-org", values), "ApigeeOrganization")
    environment = one(render("apigee-env", values, *CHOSEN), "ApigeeEnvironment")
    assert owner["metadata"]["name"] == names.organization_name("hybrid-test-7")
    assert environment["metadata"]["name"] == names.environment_name("hybrid-test-7", "test")
    assert environment["spec"]["organizationRef"] == owner["metadata"]["name"]


def test_pods_have_the_key_of_their_service_account(render, values):
    found = one(render("apigee-org", values), "ApigeeOrganization")
    pod = organization._deployment("connect-agent", "apigee-connect-agent", found)["spec"]["template"]["spec"]
    assert pod["volumes"] == [{"name": "service-account", "secret": {"secretName": "sa"}}]


def test_the_organization_has_no_udca_where_the_new_pipeline_is_used(render, values):
    assert "udca" in one(render("apigee-org", values), "ApigeeOrganization")["spec"]["components"]
    values["newDataPipeline"] = {"analytics": True}
    assert "udca" not in one(render("apigee-org", values), "ApigeeOrganization")["spec"]["components"]


def test_a_virtual_host_is_a_route_with_its_secret(render, values):
    route = one(render("apigee-virtualhost", values, *CHOSEN), "ApigeeRouteConfig")
    assert route["metadata"]["name"] == "hybrid-test-7-group"
    assert route["spec"]["sslSecret"] == "tls"


def test_the_operator_signs_with_apigee_ca_and_lives_in_the_releases_namespace(render, values):
    documents = render("apigee-operator", values)
    assert one(documents, "ClusterIssuer", "apigee-ca-issuer")["spec"]["ca"]["secretName"] == "apigee-ca"
    assert one(documents, "Deployment")["metadata"]["namespace"] == "apigee"
    webhook = one(documents, "ValidatingWebhookConfiguration")
    assert webhook["metadata"]["name"] == "apigee-validating-webhook-configuration-apigee"


def test_another_namespace_is_another_webhook(render, values):
    values["namespace"] = "hybrid"
    documents = render("apigee-operator", values, "--namespace", "hybrid")
    webhook = one(documents, "ValidatingWebhookConfiguration")
    assert webhook["metadata"]["name"] == "apigee-validating-webhook-configuration-hybrid"
    assert webhook["webhooks"][0]["clientConfig"]["service"]["namespace"] == "hybrid"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"org": None}, "org"),
        ({"instanceID": ""}, "instanceID"),
        ({"gcp": {"projectID": "p"}}, "gcp.region is required"),
        ({"k8sCluster": {"region": "r"}}, "k8sCluster.name is required"),
        ({"namespace": "elsewhere"}, "the release is for namespace apigee"),
        ({"cassandra": {"replicaCount": "3"}}, "replicaCount"),
        ({"cassandra": {"hostNetwork": "true"}}, "hostNetwork"),
        ({"cassandra": {"multiRegionSeedHost": "cassandra.example"}}, "multiRegionSeedHost"),
        ({"ingressGateways": [{"name": "a-name-that-is-too-long"}]}, "ingressGateways"),
        ({"envs": [{"title": "test"}]}, "envs"),
        ({"cassandra": {"auth": {"secretProviderClass": "vault"}}}, "secretProviderClass is not rehearsed"),
    ],
)
def test_what_is_missing_or_malformed_is_refused(refusal, values, change, words):
    assert words in refusal("apigee-datastore", {**values, **change})


def test_environment_and_group_have_to_be_chosen_and_to_exist(refusal, values):
    assert "--set env=NAME" in refusal("apigee-env", values)
    assert "env prod is not among the envs" in refusal("apigee-env", values, "--set", "env=prod")
    assert "--set envgroup=NAME" in refusal("apigee-virtualhost", values)
    assert "envgroup x is not among" in refusal("apigee-virtualhost", values, "--set", "envgroup=x")


def test_a_file_that_is_not_in_the_chart_is_refused(refusal, values):
    values["mart"] = {"serviceAccountPath": "service-accounts/mart.json"}
    assert "service-accounts/mart.json: no such file in the chart apigee-org" in refusal("apigee-org", values)


def test_every_component_needs_an_identity(refusal, render, values):
    del values["mart"], values["envs"][0]["serviceAccountSecretRefs"]["runtime"]
    assert "mart: serviceAccountRef or serviceAccountPath is required" in refusal("apigee-org", values)
    assert "runtime-test: serviceAccountRef or" in refusal("apigee-env", values, *CHOSEN)
    values["gcp"]["federatedWorkloadIdentity"] = {"enabled": True}
    assert one(render("apigee-org", values), "ApigeeOrganization")
    assert one(render("apigee-env", values, *CHOSEN), "ApigeeEnvironment")


def test_a_setting_of_a_later_release_is_refused(values, helm, tmp_path):
    charts.write(tmp_path / "older", "1.15.1")
    values["cassandra"]["securityContext"] = {"seccompProfile": {"type": "RuntimeDefault"}}
    chart = str(tmp_path / "older" / "apigee-datastore")
    said = helm("template", "r", chart, *where(tmp_path, values), expect=1).stderr
    assert "securityContext is of 1.16 and later" in said
