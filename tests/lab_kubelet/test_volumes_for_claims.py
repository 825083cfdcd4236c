"""What the provisioner makes of a claim."""

from __future__ import annotations

from hybridspan_lab.kubelet.provisioner import CLASSES, storage_class, volume_for

CLAIM = {
    "metadata": {"name": "data-db-0", "namespace": "apigee", "uid": "abc"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
}


def test_a_volume_is_bound_to_its_claim_alone():
    volume = volume_for(CLAIM, storage_class("managed-csi", "x"))
    reference = volume["spec"]["claimRef"]
    assert (volume["metadata"]["name"], reference["uid"], reference["name"]) == (
        "pvc-abc",
        "abc",
        "data-db-0",
    )


def test_a_volume_is_as_large_as_was_asked():
    volume = volume_for(CLAIM, storage_class("managed-csi", "x"))
    assert volume["spec"]["capacity"] == {"storage": "10Gi"}
    assert volume["spec"]["storageClassName"] == "managed-csi"


def test_one_class_is_the_default():
    made = [storage_class(name, sku) for name, sku in CLASSES.items()]
    assert [c["metadata"]["name"] for c in made if c["metadata"]["annotations"]] == ["default"]


def test_disks_wait_for_their_first_pod():
    assert {storage_class(n, s)["volumeBindingMode"] for n, s in CLASSES.items()} == {"WaitForFirstConsumer"}
