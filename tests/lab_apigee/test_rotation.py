from __future__ import annotations

import pytest

from hybridspan_lab.apigee.installation import CREDENTIAL_DEFAULTS
from hybridspan_lab.apigee.rotation import NOT_REHEARSED, unfit, unlike

GIVEN = {"oldSecretRef": "old", "newSecretRef": "new", "jobType": "ROTATE"}
SPEC = {"organizationId": "o", "rotationId": "r", "precheck": True, "cassandra": GIVEN}
WHOLE = dict.fromkeys(CREDENTIAL_DEFAULTS, "eA==")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"organizationId": ""}, "spec.organizationId is required"),
        ({"rotationId": None}, "spec.rotationId is required"),
        ({"cassandra": {**GIVEN, "newSecretRef": ""}}, "spec.cassandra.newSecretRef is required"),
        ({"precheck": False}, NOT_REHEARSED),
    ],
)
def test_only_a_whole_precheck_is_judged(change, words):
    assert unfit({**SPEC, **change}) == words


@pytest.mark.parametrize(
    ("old", "new", "current", "words"),
    [
        (WHOLE, {**WHOLE, "ddl.password": "bmV3"}, WHOLE, ""),
        (None, WHOLE, WHOLE, 'secrets "old" not found'),
        (WHOLE, None, WHOLE, 'secrets "new" not found'),
        (WHOLE, {**WHOLE, "jmx.user": ""}, WHOLE, 'secret "new" lacks jmx.user'),
        (WHOLE, WHOLE, {**WHOLE, "dml.password": "b3RoZXI="}, 'secret "old" is not what Cassandra has now'),
    ],
)
def test_the_secrets_are_compared_without_being_told(old, new, current, words):
    assert unlike(GIVEN, old, new, current) == words
