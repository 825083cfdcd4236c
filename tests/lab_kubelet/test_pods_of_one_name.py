"""A pod that is deleted and made again under the same name, as helm's hooks are."""

from __future__ import annotations

from types import SimpleNamespace

from hybridspan_lab.kubelet.kubelet import Kubelet


def pods(*names):
    return SimpleNamespace(
        pods={f"uid-{number}": SimpleNamespace(name=name, uid=number) for number, name in enumerate(names)}
    )


def test_who_asks_by_name_is_told_of_the_newest_though_the_older_one_is_still_clearing_away():
    known = pods("apigee/guard", "apigee/other", "apigee/guard", "cert-manager/guard")
    assert Kubelet.find_pod(known, "apigee", "guard").uid == 2


def test_a_name_that_no_pod_has_finds_none():
    assert Kubelet.find_pod(pods("apigee/guard"), "apigee", "guar") is None
