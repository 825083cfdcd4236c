from __future__ import annotations

import pytest

from hybridspan.apigee.causes import cause_in, cause_of_waiting
from hybridspan.facts.kubernetes import PodFacts


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ERROR javax.net.ssl: PKIX path validation failed: signature check failed", "HS-APIGEE-020"),
        ("Failed to handshake with peer /120.38.1.9:7001(/120.38.1.9:7001)", "HS-APIGEE-020"),
        ("A node with address /192.138.0.9:7001 already exists, cancelling join.", "HS-APIGEE-021"),
        (
            "Cannot start node if snitch's data center (dc-2) differs from previous data center (dc-9).",
            "HS-APIGEE-022",
        ),
        ("java.io.IOException: No space left on device", "HS-APIGEE-023"),
        ("java.lang.RuntimeException: Unable to gossip with any peers", "HS-APIGEE-024"),
        ("java.lang.IllegalStateException: Unable to contact any seeds: [/120.38.1.9]", "HS-APIGEE-024"),
        ("java.lang.OutOfMemoryError: Java heap space", "HS-APIGEE-026"),
    ],
)
def test_known_last_words_name_their_cause(line: str, code: str):
    found = cause_in(["INFO starting", line, "INFO stopping"])
    assert found is not None
    assert (found.cause.code, found.evidence) == (code, line)


def test_a_refused_certificate_explains_that_nobody_gossips():
    found = cause_in(["Unable to gossip with any peers", "PKIX path building failed"])
    assert found is not None
    assert found.cause.code == "HS-APIGEE-020"


def test_ordinary_words_name_no_cause():
    assert cause_in(["INFO Startup complete", "WARN Not all tokens are owned"]) is None


def pod(phase: str, reason: str) -> PodFacts:
    return PodFacts("p-0", "apigee", "u", "", "", phase, False, 0, ("apigee-cassandra",), reason)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Unschedulable: 0/3 nodes are available: 3 Insufficient memory.", "HS-APIGEE-028"),
        ("Unschedulable: pod has unbound immediate PersistentVolumeClaims.", "HS-APIGEE-029"),
        ("ImagePullBackOff: Back-off pulling image", "HS-APIGEE-030"),
    ],
)
def test_what_kubernetes_waits_for_names_its_cause(reason: str, code: str):
    found = cause_of_waiting(pod("Pending", reason))
    assert found is not None
    assert found.cause.code == code


def test_a_pod_that_merely_starts_has_no_cause():
    assert cause_of_waiting(pod("Pending", "")) is None
    assert cause_of_waiting(pod("Running", "")) is None


def test_an_argument_that_names_the_error_is_none() -> None:
    assert (
        cause_in(["INFO  [main] CassandraDaemon.java:638 - JVM Arguments: [-XX:+ExitOnOutOfMemoryError]"])
        is None
    )
