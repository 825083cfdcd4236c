"""The authority in a cluster where another installation runs."""

from __future__ import annotations

from typing import Any

import pytest

from hybridspan.apigee.observe import apigee_facts
from hybridspan.steps.trust import AuthorityStep

from .world import APIGEE, NEW, TOPOLOGY, Estate, datastore, planned, secret

STORES = f"/apis/{APIGEE}/apigeedatastores"


@pytest.fixture
def estate() -> Estate:
    estate = Estate()
    estate.first.hold(secret("apigee-ca", {"tls.key": "1"}, namespace="cert-manager"), datastore("apigee"))
    estate.new.hold(secret("apigee-ca", {"tls.key": "2"}, namespace="cert-manager"))
    return estate


async def decided(estate: Any) -> Any:
    return await AuthorityStep(planned("authority"), estate).check()


async def test_a_datastore_in_another_namespace_keeps_its_authority(estate: Estate):
    assert (await decided(estate)).state == "needed"
    estate.new.hold(datastore("apigee-nonprod"))
    decision = await decided(estate)
    assert decision.state == "refused"
    assert "apigee-nonprod" in decision.reason


async def test_the_regions_own_datastore_is_none_of_another_installation(estate: Estate):
    seen = await apigee_facts(await estate.cluster(TOPOLOGY.first), "apigee")
    assert (seen.datastore is not None, seen.elsewhere) == (True, ())


async def test_a_sign_in_that_sees_one_namespace_only_replaces_nothing(estate: Estate):
    estate.new.forbidden = frozenset({STORES})
    assert (await apigee_facts(await estate.cluster(NEW), "apigee")).elsewhere is None
    assert (await decided(estate)).state == "refused"
