from __future__ import annotations

import pytest

from hybridspan_lab.apigee import admission


def datastore(seed: str = "", state: str = "running", *, force: bool = False) -> dict:
    properties = {"datacenter": "dc-2", **({"multiRegionSeedHost": seed} if seed else {})}
    return {
        "spec": {"components": {"cassandra": {"properties": properties}}},
        "status": {"state": state},
        "release": {"forceUpdateMultiRegionSeedHost": force},
    }


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        (datastore("120.38.1.9"), datastore(), True),
        (datastore("120.38.1.9"), datastore("120.38.1.9"), True),
        (datastore("120.38.1.9"), datastore("120.38.1.10"), False),
        (datastore(), datastore("120.38.1.9"), False),
        (datastore("120.38.1.9"), datastore("120.38.1.10", force=True), True),
        (datastore("120.38.1.9", "creating"), datastore("120.38.1.10"), True),
    ],
)
def test_a_running_datastore_keeps_its_seed_or_loses_it(old, new, allowed):
    request = {"request": {"uid": "u", "oldObject": old, "object": new}}
    response = admission.review(request)["response"]
    assert response["allowed"] is allowed
    assert ("status" in response) is not allowed
