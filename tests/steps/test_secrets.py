"""What the step writes into a cluster that has secrets already."""

from __future__ import annotations

from typing import Any

import pytest

from hybridspan.steps.trust import SecretsStep

from .world import Estate, datastore, planned, quiet, secret

CREDENTIALS = {"jmx.password": "a", "ddl.password": "b"}
TLS = "kubernetes.io/tls"


@pytest.fixture
def estate() -> Estate:
    estate = Estate()
    estate.first.hold(
        secret("apigee-datastore-default-creds", CREDENTIALS), secret("test-group-tls", {"tls.key": "1"}, TLS)
    )
    return estate


def step(estate: Any) -> SecretsStep:
    return SecretsStep(planned("secrets"), estate)


def holds(estate: Estate, name: str) -> Any:
    return estate.new.held(f"/secrets/{name}")["data"]


async def test_a_regions_own_certificate_outlives_the_copying_of_the_rest(estate: Estate):
    own = secret("test-group-tls", {"tls.key": "2"}, TLS)
    estate.new.hold(own)
    made = step(estate)
    assert (await made.check()).state == "needed"
    await made.act(quiet)
    assert holds(estate, "test-group-tls") == own["data"]
    assert holds(estate, "apigee-datastore-default-creds")
    proof = await made.verify(quiet)
    assert proof.is_done
    assert "test-group-tls" in proof.reason


async def test_passwords_that_a_datastore_uses_are_not_written_over(estate: Estate):
    own = secret("apigee-datastore-default-creds", {**CREDENTIALS, "ddl.password": "another"})
    estate.new.hold(own, secret("test-group-tls", {"tls.key": "1"}, TLS))
    assert (await step(estate).check()).state == "needed"
    estate.new.hold(datastore("apigee"))
    made = step(estate)
    assert (await made.check()).is_done
    await made.act(quiet)
    assert holds(estate, "apigee-datastore-default-creds") == own["data"]


async def test_passwords_that_nothing_uses_become_the_rings(estate: Estate):
    estate.new.hold(secret("apigee-datastore-default-creds", {**CREDENTIALS, "ddl.password": "another"}))
    made = step(estate)
    await made.act(quiet)
    assert (await made.verify(quiet)).is_done
    assert holds(estate, "apigee-datastore-default-creds")["ddl.password"] == "Yg=="
    assert [forced for path, forced in estate.new.applied if path.endswith("test-group-tls")] == [False]


async def test_a_certificate_that_cert_manager_issued_is_not_copied(estate: Estate):
    """Though the overrides name it."""
    estate.first.hold(secret("test-group-tls", {"tls.key": "1"}, TLS, certificate_name="test-group"))
    made = step(estate)
    await made.act(quiet)
    assert [path.rpartition("/")[2] for path, _ in estate.new.applied] == ["apigee-datastore-default-creds"]
    assert "cert-manager issues it in each region: test-group-tls" in (await made.verify(quiet)).reason
