"""Variables and files that a pod gets from the API's objects."""

from __future__ import annotations

import asyncio
import base64
import time
from types import SimpleNamespace

import pytest

from hybridspan_lab.kubelet import podvolumes
from hybridspan_lab.kubelet.environment import ReferenceMissing, expand, pod_field, resource_field, variables
from hybridspan_lab.kubelet.volumes import publish, volume_files

SECRET = {
    "data": {"password": base64.b64encode(b"geheim").decode(), "user": base64.b64encode(b"ddl").decode()}
}
MAP = {"data": {"a": "1", "b": "2"}}
POD = {
    "metadata": {"name": "db-0", "namespace": "apigee", "uid": "u", "labels": {"app": "db"}},
    "spec": {"nodeName": "n", "containers": [{"name": "c"}]},
    "status": {"podIP": "120.38.1.9"},
}


def lookup(kind, name):
    return {("secret", "creds"): SECRET, ("configmap", "settings"): MAP}.get((kind, name))


def env(*entries, sources=()):
    return variables(POD, {"env": list(entries), "envFrom": list(sources)}, lookup, "120.38.1.4")


def test_a_variable_may_use_those_before_it():
    assert env({"name": "A", "value": "x"}, {"name": "B", "value": "$(A)y"})["B"] == "xy"


@pytest.mark.parametrize(
    ("text", "result"), [("$(NO)", "$(NO)"), ("$$(A)", "$(A)"), ("a$(A)b", "axb"), ("$A", "$A")]
)
def test_references_are_expanded_as_kubernetes_does(text, result):
    assert expand(text, {"A": "x"}) == result


def test_a_key_of_a_secret_becomes_a_variable():
    reference = {"secretKeyRef": {"name": "creds", "key": "password"}}
    assert env({"name": "P", "valueFrom": reference}) == {"P": "geheim"}


def test_a_whole_config_map_becomes_variables_with_a_prefix():
    assert env(sources=[{"prefix": "X_", "configMapRef": {"name": "settings"}}]) == {"X_a": "1", "X_b": "2"}


@pytest.mark.parametrize("key", ["none", "password"])
def test_what_is_missing_is_named(key):
    name = "creds" if key == "none" else "nothing"
    with pytest.raises(ReferenceMissing, match="secret"):
        env({"name": "P", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}})


def test_an_optional_reference_may_be_missing():
    assert (
        env({"name": "P", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y", "optional": True}}}) == {}
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "db-0"),
        ("metadata.namespace", "apigee"),
        ("metadata.labels['app']", "db"),
        ("status.podIP", "120.38.1.9"),
        ("status.hostIP", "120.38.1.4"),
        ("spec.nodeName", "n"),
    ],
)
def test_the_downward_api_offers(path, value):
    assert pod_field(POD, path, "120.38.1.4") == value


def test_memory_limits_come_in_bytes():
    assert resource_field({"resources": {"limits": {"memory": "2Gi"}}}, "limits.memory") == str(2**31)


def test_chosen_keys_of_a_secret_become_files():
    volume = {"name": "v", "secret": {"secretName": "creds", "items": [{"key": "user", "path": "sub/u"}]}}
    assert volume_files(volume, POD, lookup, {}, "") == {"sub/u": (b"ddl", 0o644)}


def test_a_projected_volume_joins_its_sources():
    sources = [
        {"serviceAccountToken": {"path": "token"}},
        {"configMap": {"name": "settings", "items": [{"key": "a", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    files = volume_files({"name": "v", "projected": {"sources": sources}}, POD, lookup, {"": "t"}, "")
    assert {name: content for name, (content, _) in files.items()} == {
        "token": b"t", "ca.crt": b"1", "namespace": b"apigee",
    }  # fmt: skip


def test_an_empty_folder_is_no_matter_of_the_api():
    assert volume_files({"name": "v", "emptyDir": {}}, POD, lookup, {}, "") is None


def test_a_new_version_replaces_all_files_in_one_step(tmp_path):
    publish(tmp_path, {"a": (b"1", 0o644), "sub/b": (b"2", 0o600)})
    before = (tmp_path / "..data").readlink()
    publish(tmp_path, {"a": (b"3", 0o644)})
    assert (tmp_path / "a").read_bytes() == b"3"
    assert (tmp_path / "..data").readlink() != before
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("..")) == ["a"]


async def test_changes_at_once_are_written_one_after_the_other_and_the_newest_last(tmp_path, monkeypatch):
    pod = {
        "metadata": {"namespace": "default"},
        "spec": {"nodeName": "n", "volumes": [{"name": "v", "secret": {"secretName": "s"}}]},
    }
    versions, inside, most = iter(range(5)), [], []

    def published(directory, files):
        inside.append(files)
        most.append(len(inside))
        time.sleep(0.01)  # another would come in meanwhile
        publish(directory, files)
        inside.pop()

    def lookup(_kind, _name):
        return {"data": {"key": base64.b64encode(str(next(versions)).encode()).decode()}}

    monkeypatch.setattr(podvolumes, "publish", published)
    node = SimpleNamespace(address="120.38.1.4")
    host = SimpleNamespace(lookup=lambda _namespace: lookup, node=lambda _name: node)
    volumes = podvolumes.PodVolumes(pod, tmp_path, host)
    await asyncio.gather(*(volumes.prepare() for _ in range(5)))
    assert most == [1] * 5
    assert (tmp_path / "v" / "key").read_text() == "4"


def test_publishing_the_same_files_changes_nothing(tmp_path):
    publish(tmp_path, {"a": (b"1", 0o644)})
    before = (tmp_path / "..data").readlink()
    publish(tmp_path, {"a": (b"1", 0o644)})
    assert (tmp_path / "..data").readlink() == before
