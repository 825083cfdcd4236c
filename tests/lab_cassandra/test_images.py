from __future__ import annotations

from pathlib import Path

import pytest

from hybridspan_lab import images
from hybridspan_lab.cassandra import podtools


@pytest.fixture(autouse=True)
def tools(monkeypatch, tmp_path):
    """Tools without a cache: nothing is fetched or built for a name."""
    found = podtools.PodTools(tmp_path, {"HYBRIDSPAN_JAVA": "java"}, (tmp_path,))
    monkeypatch.setattr(podtools, "locate", lambda: found)
    return found


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("pause", "pause"),
        ("google/apigee-hybrid-cassandra:1.11.2", "apigee-hybrid-cassandra"),
        ("gcr.io/apigee-release/hybrid/apigee-mart-server@sha256:0a", "apigee-mart-server"),
        ("registry.example:5000/apigee-runtime:1.11.2", "apigee-runtime"),
    ],
)
def test_registry_tag_and_digest_do_not_matter(image, name):
    assert images.short_name(image) == name


def test_a_cassandra_node_is_this_packages_program():
    image = images.find("google/apigee-hybrid-cassandra:1.11.2")
    assert image is not None
    assert image.entrypoint[-2:] == ("-m", "hybridspan_lab.cassandra.node")
    assert image.env["HYBRIDSPAN_JAVA"] == "java"


def test_the_client_image_is_a_shell_with_the_tools_and_the_certificate(tools):
    image = images.find("google/apigee-hybrid-cassandra-client:1.0.0")
    assert image is not None
    assert image.entrypoint == ("/bin/bash",)
    assert image.path == (tools.directory,)
    assert image.secret_mount == ("apigee-cassandra-default-tls", "/opt/apigee/ssl")


def test_runtime_images_only_wait():
    image = images.find("gcr.io/apigee-release/hybrid/apigee-synchronizer:1.11.2")
    assert image is not None
    assert image.entrypoint == ("/bin/sleep", "infinity")


def test_an_unknown_image_is_not_found():
    assert images.find("docker.io/library/nginx:1") is None


def test_a_program_sees_the_interpreter_and_the_source():
    image = images.find("quay.io/jetstack/cert-manager-controller:v1.13.6")
    assert image is not None
    assert Path(images.__file__).resolve().parents[1] in image.mounts
