"""What Argo CD has installed is told by its mark: it leaves no Helm release."""

from __future__ import annotations

from typing import Any

import pytest

from hybridspan.apigee.observe import apigee_facts
from hybridspan.apigee.tracking import tracked
from hybridspan.facts.argo import ANNOTATION, HELM, LABEL, application_of
from hybridspan.kubernetes.objects import secret
from hybridspan.kubernetes.portable import stripped


def made(kind: str, name: str, spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "apigee", **metadata}, "spec": spec or {}}


def by_argo(kind: str, name: str, application: str, spec: dict[str, Any] | None = None) -> dict[str, Any]:
    mark = f"{application}:apigee.cloud.google.com/{kind}:apigee/{name}"
    return made(kind, name, spec, annotations={ANNOTATION: mark})


@pytest.mark.parametrize(
    ("metadata", "application"),
    [
        ({}, ""),
        (
            {"annotations": {ANNOTATION: "west-redis:apigee.cloud.google.com/ApigeeRedis:apigee/default"}},
            "west-redis",
        ),
        ({"annotations": {ANNOTATION: "west-redis:apps/Deployment:apigee/other"}}, ""),
        ({"labels": {LABEL: "west-redis"}}, "west-redis"),
        ({"labels": {LABEL: "redis"}, "annotations": {HELM: "redis"}}, ""),
    ],
)
def test_an_object_is_of_the_application_that_its_own_mark_names(metadata: Any, application: str) -> None:
    assert application_of(made("ApigeeRedis", "default", **metadata)) == application


def test_a_secret_tells_its_application_and_a_copy_of_it_does_not() -> None:
    """An Argo CD of the other cluster with an application of that name would take the copy for its own, and prune it."""
    mark = "hybrid-east:/Secret:apigee/apigee-datastore-default-creds"
    document = made("Secret", "apigee-datastore-default-creds", annotations={ANNOTATION: mark})
    assert secret(document).application == "hybrid-east"
    assert secret(stripped(document, "apigee")).application == ""


OBJECTS = (
    by_argo("Deployment", "apigee-controller-manager", "a"),
    by_argo("Deployment", "apigee-ingressgateway-manager", "b"),
    by_argo("ApigeeDatastore", "default", "c"),
    by_argo("ApigeeOrganization", "org-1", "d"),
    by_argo("ApigeeTelemetry", "apigee-telemetry", "e"),
    by_argo("ApigeeRedis", "default", "f"),
    by_argo("ApigeeEnvironment", "org-test-1", "g", {"name": "test"}),
    by_argo("ApigeeRouteConfig", "org-group", "h", {"virtualHost": "group"}),
)
ALL = {
    "operator": "a",
    "ingress-manager": "b",
    "datastore": "c",
    "org": "d",
    "telemetry": "e",
    "redis": "f",
    "env/test": "g",
    "virtualhost/group": "h",
}


def test_each_chart_has_an_object_that_stands_for_it() -> None:
    assert tracked((None, *OBJECTS)) == ALL


class Cluster:
    """Has those objects, all in one namespace."""

    async def get(self, _api: str, kind: str, name: str, namespace: str | None = None) -> Any:
        wanted = (kind, name, namespace)
        held = (o for o in OBJECTS if (o["kind"], o["metadata"]["name"], "apigee") == wanted)
        return next(held, None)

    async def list_(
        self, _api: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> list[Any]:
        return [o for o in OBJECTS if o["kind"] == kind]


async def test_a_look_at_apigee_sees_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async def trouble_of(_cluster: object, _controller: object) -> str:
        return ""

    monkeypatch.setattr("hybridspan.apigee.observe.trouble_of", trouble_of)
    cluster: Any = Cluster()
    assert (await apigee_facts(cluster, "apigee")).tracked == ALL
