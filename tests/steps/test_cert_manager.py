"""cert-manager is copied whole, whatever happens between two of its objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hybridspan.errors import HybridspanError, TemporaryFailure
from hybridspan.steps.trust import CertManagerStep
from hybridspan_lab.apigee.cert_manager_manifests import manifests

from .world import ADMISSION, Estate, path_of, planned, quiet

LOST = TemporaryFailure("HS-KUBE-002", "the API server does not answer")
AVAILABLE = {"availableReplicas": 1}
PARTS = ["cert-manager", "cert-manager-cainjector", "cert-manager-webhook"]
WEBHOOK = f"/apis/{ADMISSION}/validatingwebhookconfigurations/cert-manager-webhook"


def webhook(kind: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/instance": "cert-manager"}
    metadata = {"name": "cert-manager-webhook", "labels": labels}
    return {"apiVersion": ADMISSION, "kind": kind, "metadata": metadata, "webhooks": []}


@pytest.fixture
def estate() -> Estate:
    estate = Estate()
    estate.first.hold(
        *manifests(), webhook("MutatingWebhookConfiguration"), webhook("ValidatingWebhookConfiguration")
    )
    return estate


def step(estate: Any) -> CertManagerStep:
    return CertManagerStep(planned("cert-manager"), estate)


def names(estate: Estate, plural: str) -> list[str]:
    return sorted(path.rpartition("/")[2] for path in estate.new.objects if f"/{plural}/" in path)


def come_up(estate: Estate) -> None:
    """Every deployment that is there gets its replicas."""
    for path, document in estate.new.objects.items():
        if "/deployments/" in path:
            document["status"] = AVAILABLE


@pytest.mark.parametrize("lost", ["/deployments/cert-manager-cainjector", WEBHOOK])
async def test_what_a_lost_answer_left_out_comes_with_the_next_act(estate: Estate, lost: str):
    made = step(estate)
    failures: Sequence[HybridspanError] = [LOST]
    estate.new.failing = {lost: list(failures)}
    with pytest.raises(TemporaryFailure):
        await made.act(quiet)
    come_up(estate)
    assert "only in part" in (await made.check()).reason
    await made.act(quiet)
    come_up(estate)
    assert (await made.verify(quiet)).is_done
    assert names(estate, "deployments") == PARTS
    assert WEBHOOK in estate.new.objects


async def test_what_is_there_is_not_written_again(estate: Estate):
    made = step(estate)
    await made.act(quiet)
    estate.new.objects.pop(WEBHOOK)
    estate.new.applied.clear()
    await made.act(quiet)
    assert estate.new.applied == [(WEBHOOK, True)]


async def test_another_version_is_left_as_somebody_has_it(estate: Estate):
    own = next(d for d in manifests() if d["kind"] == "Deployment")
    own["metadata"]["labels"]["app.kubernetes.io/version"] = "v1.14.0"
    estate.new.hold(own | {"status": AVAILABLE})
    made = step(estate)
    assert (await made.check()).is_done
    await made.act(quiet)
    assert estate.new.applied == []


async def test_what_only_goes_by_the_name_of_cert_manager_is_no_part_of_it(estate: Estate):
    made = step(estate)
    await made.act(quiet)
    come_up(estate)
    approver = next(d for d in manifests() if d["kind"] == "Deployment")
    approver["metadata"] |= {"name": "cert-manager-approver-policy", "labels": {}}
    estate.first.hold(approver)
    assert (await made.check()).is_done


async def test_a_sign_in_that_may_not_list_webhooks_still_sees_the_cluster(estate: Estate):
    await step(estate).act(quiet)
    come_up(estate)
    estate.new.forbidden = frozenset({path_of(webhook("MutatingWebhookConfiguration")).rpartition("/")[0]})
    assert (await step(estate).check()).is_done
