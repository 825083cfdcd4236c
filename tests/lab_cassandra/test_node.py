from __future__ import annotations

import dataclasses
import json
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from hybridspan_lab.cassandra import configuration, jvm, node, podtools
from hybridspan_lab.cassandra.settings import MEBIBYTE, NodeSettings, size
from hybridspan_lab.cassandra.stores import Stores


@pytest.fixture
def settings(tmp_path) -> NodeSettings:
    env = {
        "POD_NAME": "apigee-cassandra-default-1",
        "POD_IP": "120.38.1.9",
        "CASSANDRA_SERVICE": "apigee-cassandra-default.apigee.svc.cluster.local",
        "CASSANDRA_DATA": str(tmp_path / "data"),
        "CASSANDRA_CONF": str(tmp_path / "conf"),
        "CASSANDRA_CREDENTIALS": str(tmp_path / "credentials"),
    }
    (tmp_path / "conf").mkdir()
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "jmx.user").write_text("jmxuser")
    (tmp_path / "credentials" / "jmx.password").write_text("geheim\n")
    return NodeSettings.from_environment(env)


@pytest.fixture
def stores() -> Stores:
    return Stores(Path("/k.p12"), Path("/t.p12"), "pw")


def with_data(settings: NodeSettings) -> NodeSettings:
    settings.data.mkdir(parents=True)
    settings.joined.write_text("")
    return settings


def resolving(monkeypatch, *hosts: str) -> None:
    def look_up(host, *_):
        if host not in hosts:
            raise socket.gaierror(host)
        return []

    monkeypatch.setattr(node.socket, "getaddrinfo", look_up)


@pytest.mark.parametrize(
    ("text", "expected"), [("512M", 512 * MEBIBYTE), ("8g", 8192 * MEBIBYTE), ("100", 100)]
)
def test_heap_sizes_are_read_as_cassandras_scripts_read_them(text, expected):
    assert size(text) == expected


def test_a_heap_size_that_is_none_is_refused():
    with pytest.raises(ValueError, match="not a heap size"):
        size("much")


def test_the_first_node_of_a_ring_is_its_own_seed(settings):
    first = dataclasses.replace(settings, pod_name="apigee-cassandra-default-0")
    assert node.choose_seeds(first) == ("120.38.1.9",)
    assert not node.waits_for_first(first)


def test_the_next_nodes_ask_the_first_and_wait_for_it(settings):
    assert node.choose_seeds(settings) == (
        "apigee-cassandra-default-0.apigee-cassandra-default.apigee.svc.cluster.local",
    )
    assert node.waits_for_first(settings)


def test_new_nodes_of_a_further_region_ask_the_other_region_alone(settings):
    there = dataclasses.replace(settings, external_seed="192.138.0.9")
    assert node.choose_seeds(there) == ("192.138.0.9",)
    assert not node.waits_for_first(there)


def test_new_nodes_of_an_estate_without_a_seed_ask_whom_the_lab_names(settings):
    there = dataclasses.replace(settings, first_seed="120.38.1.20")
    assert node.choose_seeds(there) == ("120.38.1.20",)
    assert not node.waits_for_first(there)
    assert node.choose_seeds(dataclasses.replace(there, external_seed="192.138.0.9")) == ("192.138.0.9",)


def test_a_node_that_has_joined_does_not_ask_the_first_seed_again(settings, monkeypatch):
    resolving(monkeypatch, settings.pod_host(0))
    back = with_data(dataclasses.replace(settings, first_seed="120.38.1.20"))
    assert node.choose_seeds(back) == (settings.pod_host(0),)


def test_a_node_that_comes_back_asks_its_neighbours_by_name(settings, monkeypatch):
    resolving(monkeypatch, settings.pod_host(0), settings.pod_host(2))
    back = with_data(settings)
    assert node.choose_seeds(back) == (settings.pod_host(0), settings.pod_host(2))
    assert not node.waits_for_first(back)


def test_a_node_that_comes_back_alone_asks_itself(settings, monkeypatch):
    resolving(monkeypatch)
    assert node.choose_seeds(with_data(settings)) == ("120.38.1.9",)


def test_a_first_start_that_failed_asks_the_same_seed_again(settings):
    there = dataclasses.replace(settings, external_seed="192.138.0.9")
    (settings.data / "data" / "system" / "local-7ad5").mkdir(parents=True)
    assert node.choose_seeds(there) == ("192.138.0.9",)


def test_the_first_success_of_the_probe_marks_the_node_as_joined(settings, monkeypatch):
    settings.data.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(podtools, "READY_PORT", server.getsockname()[1])
        probe = settings.data / "ready-probe.sh"
        podtools.write_ready_probe(probe, settings.joined)
        assert subprocess.run([probe], env={"POD_IP": "127.0.0.1"}).returncode == 0
        assert settings.has_joined
    settings.joined.unlink()
    assert subprocess.run([probe], env={"POD_IP": "127.0.0.1"}, stderr=subprocess.DEVNULL).returncode == 1
    assert not settings.has_joined


def test_both_ports_are_closed_to_plain_text_and_to_strangers(settings, stores):
    document = configuration.cassandra_yaml(settings, ("a",), stores)
    for options in (document["server_encryption_options"], document["client_encryption_options"]):
        assert options["optional"] is False
        assert options["require_client_auth"] is True
    assert document["storage_port"] == 7001
    assert document["server_encryption_options"]["internode_encryption"] == "all"


def test_passwords_are_in_private_files_and_not_in_arguments(settings, stores):
    configuration.write_configuration(settings, ("a",), stores)
    for name in ("cassandra.yaml", "jmxremote.password"):
        assert stat.S_IMODE((settings.conf / name).stat().st_mode) == 0o600
    runtime = jvm.Runtime(Path("/java"), "/a.jar", "/shim", settings.conf)
    assert "geheim" not in " ".join(node.command(runtime, settings))
    assert (settings.conf / "jmxremote.password").read_text() == "jmxuser geheim\n"


def test_the_place_in_the_ring_is_written_for_the_snitch(settings, stores):
    there = dataclasses.replace(settings, datacenter="dc-2", rack="ra-3")
    configuration.write_configuration(there, ("a",), stores)
    assert (settings.conf / "cassandra-rackdc.properties").read_text() == "dc=dc-2\nrack=ra-3\n"
    document = json.loads((settings.conf / "cassandra.yaml").read_text())
    assert document["endpoint_snitch"] == "GossipingPropertyFileSnitch"


def test_the_heap_is_what_the_template_says(settings):
    small = dataclasses.replace(settings, heap=256 * MEBIBYTE, young_heap=200 * MEBIBYTE)
    assert configuration.heap_flags(small) == ["-Xms192m", "-Xmx256m", "-Xmn128m"]


def test_an_archive_is_used_only_for_the_class_path_that_it_was_made_with(tmp_path):
    runtime = jvm.Runtime(Path("/java"), "/a.jar", "/shim", tmp_path)
    assert jvm.archive_flags(runtime) == []
    runtime.archive.write_text("")
    assert jvm.archive_flags(runtime)[0] == "-Xshare:auto"
    assert jvm.archive_flags(dataclasses.replace(runtime, cassandra_classpath="/b.jar")) == []


def test_a_wildcard_of_jars_becomes_a_sorted_list(tmp_path):
    for name in ("b.jar", "a.jar", "read.me"):
        (tmp_path / name).write_text("")
    assert jvm.expanded(f"{tmp_path}/*") == f"{tmp_path}/a.jar:{tmp_path}/b.jar"
