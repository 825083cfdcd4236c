"""Keys and passwords that stand in clear in overrides are shown nowhere: not in a reason, not in a difference, not in a command."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hybridspan.apigee import overrides, overrides_edits
from hybridspan.apigee.clear_secrets import hidden, masked, passwords_in
from hybridspan.apigee.document import EditableText
from hybridspan.apigee.overrides_command import edit
from hybridspan.plan.build import build
from hybridspan.report.documents import plan_document
from hybridspan.topology.loading import load
from hybridspan.topology.model import Topology
from tests.plan_cassandra.world import BEFORE, ring
from tests.plan_helm.world import apigee, with_helm, world

EXAMPLES = Path(__file__).parents[2] / "examples" / "two-regions"
SECRETS = ("pepper", "kmsbase64", "kvmbase64", "hunter2", "MIIEkey", "gone3")
IN_CLEAR = """axHashSalt: pepper
instanceID: "prod-aks-eastus"   # the password was gone3
defaults: {org: {kmsEncryptionKey: kmsbase64}, env: {a: b}}
# dml: {password: gone3}
signing:
  privateKey: |
    -----BEGIN PRIVATE KEY-----
    MIIEkey
    -----END PRIVATE KEY-----
namespace: apigee
envs: [{name: test, kvmEncryptionKey: kvmbase64}]
k8sCluster: {name: apigee-eastus, password: "hunter2", region: us-east1}
cassandra: {datacenter: dc-1, auth: {admin: {password: "hunter2"}}, rack: r, replicaCount: 1}
"""


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    shutil.copy(EXAMPLES / "hybrid.yaml", tmp_path / "hybrid.yaml")
    (tmp_path / "overrides_apigee-eastus.yaml").write_text(IN_CLEAR)
    return with_helm(load(tmp_path / "hybrid.yaml"))


def derived(topology: Topology) -> EditableText:
    return overrides_edits.derive(overrides.read(topology.first.overrides), topology, topology.new_regions[0])


def planned(topology: Topology) -> str:
    """Everything that `plan --json` says."""
    facts = world(topology, ring(BEFORE, "dc-1"), apigee())
    regions = {
        r.name: replace(facts.regions[r.name], overrides=overrides.overrides_facts(topology, r))
        for r in topology.regions
    }
    return json.dumps(plan_document(build(topology, replace(facts, regions=regions))))


def assert_nothing_told(text: str) -> None:
    assert [secret for secret in SECRETS if secret in text] == []


def test_nothing_is_told_before_the_file_is_written(topology: Topology):
    facts = overrides.overrides_facts(topology, topology.new_regions[0])
    assert "dc-2" in facts.diff
    assert_nothing_told(facts.diff + facts.edit)
    assert_nothing_told(planned(topology))


def test_the_sed_line_takes_secrets_from_the_file_that_it_reads(topology: Topology):
    region = topology.new_regions[0]
    facts = overrides.overrides_facts(topology, region)
    subprocess.run(["bash", "-c", facts.edit], check=True)
    assert region.overrides.read_text() == derived(topology).text
    assert region.overrides.read_text() != IN_CLEAR


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("pepper", "axHashSalt"),
        ("kmsbase64", "defaults.org.kmsEncryptionKey"),
        ("kvmbase64", "envs.0.kvmEncryptionKey"),
        ("MIIEkey", "signing.privateKey"),
        ("hunter2", "cassandra.auth.admin.password"),
    ],
)
def test_a_secret_that_differs_is_named_and_not_told(topology: Topology, secret: str, key: str):
    region = topology.new_regions[0]
    region.overrides.write_text(derived(topology).text.replace(secret, "salty"))
    facts = overrides.overrides_facts(topology, region)
    assert f"{key} differs from the first region's" in facts.disallowed
    assert_nothing_told("".join(facts.disallowed) + facts.diff + planned(topology))
    assert "salty" not in "".join(facts.disallowed) + facts.diff + planned(topology)


def test_a_file_that_is_right_stands_for_no_command_whatever_its_quotes_and_order(topology: Topology):
    region = topology.new_regions[0]
    head, *rest = derived(topology).text.replace('"hunter2"', "hunter2").splitlines(keepends=True)
    region.overrides.write_text("".join((*rest, head)))
    facts = overrides.overrides_facts(topology, region)
    assert (facts.disallowed, facts.edit) == ((), "")
    assert_nothing_told(planned(topology))


def test_an_alias_of_a_secret_is_one_under_every_name():
    document = EditableText("note: &n hush\nauth: {password: *n}\n")
    assert passwords_in(document) == ("note", "auth.password")
    assert "hush" not in masked(document)


@pytest.mark.parametrize(
    "text",
    [
        "password: 1234\n",
        "redis: {auth: {password: x}}\n",
        "a: {privateKey: x}\n",
        "a: {private_key: x}\n",
        "passwords: {admin: x}\n",
        "proxy: http://me:hush@proxy.example\n",
        'key: "-----BEGIN RSA PRIVATE KEY-----"\n',
    ],
)
def test_what_is_a_secret_is_found_by_its_key_or_its_form(text: str):
    assert len(passwords_in(EditableText(text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "cassandra: {auth: {secret: named}}\n",
        "kmsEncryptionSecret: {name: s, key: k}\n",
        "sslKeyPath: certs/a.key\n",
        "serviceAccountSecretRefs: {mart: m}\n",
        "defaults: {results: 1}\n",
        "password:\n",
        "token: false\n",
        "url: https://example.com:8443/a@b\n",
    ],
)
def test_a_reference_to_a_secret_is_none(text: str):
    assert hidden(EditableText(text)) == ()


def test_a_block_that_is_hidden_leaves_the_lines_around_it():
    text = "a:\n  privateKey: |\n    one\n    two\n  b: c\n"
    assert masked(EditableText(text)) == "a:\n  privateKey: ***\n  b: c\n"


def test_no_command_is_made_where_it_would_have_to_tell_a_secret(tmp_path: Path):
    old, new = EditableText("a: 1\n"), EditableText("a: 1\npassword: hush\n")
    assert edit(old, new, tmp_path / "one", tmp_path / "two") == ""


@pytest.mark.parametrize(
    "text", ["a: 1\npassword: hunter2\npassword: hunter3\n", 'password: "hunter2\nb: c\n']
)
def test_what_is_wrong_with_a_file_is_told_without_its_line(topology: Topology, text: str):
    topology.new_regions[0].overrides.write_text(text)
    problem = overrides.overrides_facts(topology, topology.new_regions[0]).problem
    assert "line 3: " in problem
    assert "hunter" not in problem
