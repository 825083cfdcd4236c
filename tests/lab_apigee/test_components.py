from __future__ import annotations

import base64
from pathlib import Path

import pytest

from hybridspan_lab.apigee import apigeectl, cassandra_objects, components, installation, names
from hybridspan_lab.apigee.overrides import Overrides
from hybridspan_lab.apigee.resources import label, location


@pytest.fixture
def overrides() -> Overrides:
    document = {
        "org": "hybrid-test-7",
        "namespace": "apigee",
        "gcp": {"projectID": "p", "region": "us-east1"},
        "k8sCluster": {"name": "apigee-eastus", "region": "us-east1"},
        "instanceID": "i",
        "envs": [{"name": "test"}, {"name": "prod"}],
        "virtualhosts": [{"name": "group", "sslSecret": "tls"}],
        "nodeSelector": {"requiredForScheduling": True, "apigeeData": {"key": "agentpool", "value": "data"}},
        "cassandra": {"replicaCount": 3, "datacenter": "dc-2", "multiRegionSeedHost": "120.38.1.9"},
    }
    return Overrides(Path("overrides.yaml"), document)


def chosen(overrides, *flags: str) -> list[str]:
    options = apigeectl.parse(["apply", *flags])
    return [f"{d['kind']}/{d['metadata']['name']}" for d in apigeectl.chosen(overrides, options)]


def test_names_are_the_same_in_every_region_and_as_apigee_makes_them():
    assert names.organization_name("apigee-hybrid-378710") == "apigee-hybrid-3-97e66ab"
    assert names.environment_name("apigee-hybrid-378710", "test2") == "apigee-hybrid-3-test2-5a04239"


def test_datastore_alone(overrides):
    assert chosen(overrides, "--datastore") == ["ApigeeDatastore/default"]


def test_without_a_flag_everything_is_applied(overrides):
    kinds = [name.partition("/")[0] for name in chosen(overrides)]
    assert kinds == [
        "ApigeeDatastore",
        "ApigeeRedis",
        "ApigeeTelemetry",
        "ApigeeOrganization",
        "ApigeeEnvironment",
        "ApigeeEnvironment",
        "ApigeeRouteConfig",
    ]


def test_one_environment_by_name(overrides):
    assert chosen(overrides, "--env", "prod") == [
        f"ApigeeEnvironment/{names.environment_name('hybrid-test-7', 'prod')}"
    ]


def test_an_environment_that_the_file_does_not_have_is_refused(overrides):
    with pytest.raises(apigeectl.Refusal, match="'stage' not found"):
        chosen(overrides, "--env", "stage")


def test_a_seed_that_is_taken_out_leaves_no_trace(overrides):
    properties = components.datastore(overrides)[0]["spec"]["components"]["cassandra"]["properties"]
    assert properties["multiRegionSeedHost"] == "120.38.1.9"
    overrides.document["cassandra"].pop("multiRegionSeedHost")
    properties = components.datastore(overrides)[0]["spec"]["components"]["cassandra"]["properties"]
    assert "multiRegionSeedHost" not in properties


def environment_of(stateful_set) -> dict[str, str]:
    container = stateful_set["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


def test_the_stateful_set_has_the_names_that_others_look_for(overrides):
    found = cassandra_objects.stateful_set(components.datastore(overrides)[0])
    assert found["metadata"]["name"] == "apigee-cassandra-default"
    assert found["spec"]["template"]["metadata"]["labels"]["app"] == "apigee-cassandra"
    assert found["spec"]["template"]["spec"]["containers"][0]["name"] == "apigee-cassandra"
    assert found["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "cassandra-data"
    assert environment_of(found)["CASSANDRA_EXTERNAL_SEED"] == "120.38.1.9"


def test_taking_the_seed_out_changes_the_template_and_so_restarts_the_nodes(overrides):
    before = cassandra_objects.stateful_set(components.datastore(overrides)[0])
    overrides.document["cassandra"].pop("multiRegionSeedHost")
    after = cassandra_objects.stateful_set(components.datastore(overrides)[0])
    assert "CASSANDRA_EXTERNAL_SEED" not in environment_of(after)
    assert cassandra_objects.digest(before) != cassandra_objects.digest(after)


def test_the_data_pool_is_required_where_the_overrides_say_so(overrides):
    found = cassandra_objects.stateful_set(components.datastore(overrides)[0])
    affinity = found["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    assert "requiredDuringSchedulingIgnoredDuringExecution" in affinity


def test_init_makes_a_root_of_its_own_only_through_cert_manager():
    documents = installation.installation("apigee", installation.credentials_of({}))
    found = {label(d): d for d in documents}
    assert found["certificate.cert-manager.io/apigee-root-certificate"]["spec"]["secretName"] == "apigee-ca"
    assert found["clusterissuer.cert-manager.io/apigee-ca-issuer"]["spec"]["ca"]["secretName"] == "apigee-ca"
    assert "secret/apigee-datastore-default-creds" in found
    definitions = [d["metadata"]["name"] for d in documents if d["kind"] == "CustomResourceDefinition"]
    assert len(definitions) == 10
    # Only releases that Helm installs rotate credentials by a resource; the product tells an installer by that.
    assert "secretrotations.apigee.cloud.google.com" not in definitions


def test_every_document_has_a_place_in_the_api(overrides):
    documents = [
        *installation.installation("apigee", installation.credentials_of({})),
        *apigeectl.chosen(overrides, apigeectl.parse(["apply"])),
    ]
    for document in documents:
        api, plural = location(document)
        assert api.startswith("/api")
        assert plural.islower()


@pytest.mark.parametrize("flag", ["--data", "--all-env", "--file=x"])
def test_half_a_flag_is_not_guessed(flag):
    with pytest.raises(SystemExit) as ended:
        apigeectl.parse(["apply", flag])
    assert ended.value.code == 2


def test_no_two_users_of_a_lab_share_a_password():
    made = {key: value for key, value in installation.new_credentials().items() if key.endswith(".password")}
    assert len(set(made.values())) == len(made) == 6
    made_by_init = installation.installation("apigee", made)
    (redis,) = (d for d in made_by_init if d["metadata"]["name"] == "apigee-redis-default-creds")
    assert not set(redis["data"].values()) & {base64.b64encode(v.encode()).decode() for v in made.values()}
