from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybridspan.cli import main
from hybridspan.errors import EXIT_INPUT, EXIT_OK
from hybridspan.topology.schema import schema_text

from .conftest import EXAMPLES, OVERRIDES, TOPOLOGY


def hybridspan(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return int(end.value.code or 0)


@pytest.fixture
def trial(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("overrides_apigee-eastus.yaml").write_text(OVERRIDES)
    Path("hybrid.yaml").write_text(TOPOLOGY)
    return Path("hybrid.yaml")


def test_a_valid_file_ends_with_zero(trial, capsys):
    assert hybridspan("validate") == EXIT_OK
    assert "hybrid.yaml is valid (2 regions): 0 errors, 0 warnings" in capsys.readouterr().out


def test_warnings_alone_end_with_zero(capsys):
    assert hybridspan("validate", str(EXAMPLES / "two-regions" / "hybrid.yaml")) == EXIT_OK
    assert "public address space" in capsys.readouterr().out


def test_errors_of_both_files_are_told_at_once_with_place_reason_and_remedy(trial, capsys):
    trial.write_text(TOPOLOGY.replace("centralus", "centralsu").replace("10.30", "10.20"))
    Path("overrides_apigee-eastus.yaml").write_text(OVERRIDES.replace("dc-1", "dc-7"))
    assert hybridspan("validate") == EXIT_INPUT
    out = capsys.readouterr().out
    assert "hybrid.yaml:15: error HS-TOPOLOGY-021" in out
    assert "hybrid.yaml:17: error HS-TOPOLOGY-010" in out
    assert "overrides_apigee-eastus.yaml:7: error HS-TOPOLOGY-052" in out
    assert "why  Azure refuses to peer networks that overlap" in out
    assert "do   give centralsu a range of its own" in out


@pytest.mark.parametrize("content", ["a: [", "", "spec: 1", "\x00", "- 1"])
def test_a_bad_file_never_shows_a_traceback(trial, capsys, content):
    trial.write_text(content)
    assert hybridspan("validate") == EXIT_INPUT
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert "hybrid.yaml" in out


def test_a_file_that_does_not_exist_is_told(tmp_path, capsys):
    assert hybridspan("validate", str(tmp_path / "none.yaml")) == EXIT_INPUT
    assert "there is no such file" in capsys.readouterr().out


def test_the_json_document_has_every_problem(trial, capsys):
    trial.write_text(TOPOLOGY.replace("10.30", "10.20"))
    assert hybridspan("validate", "--json") == EXIT_INPUT
    document = json.loads(capsys.readouterr().out)
    assert (document["valid"], document["errors"]) == (False, 1)
    assert document["problems"][0]["code"] == "HS-TOPOLOGY-010"
    assert document["problems"][0]["line"] == 17


def test_the_schema_can_be_printed(capsys):
    assert hybridspan("validate", "--print-schema") == EXIT_OK
    assert capsys.readouterr().out == schema_text()


def test_a_wrong_shape_hides_no_other_problem(trial, capsys):
    text = TOPOLOGY.replace("apiVersion: hybridspan/v1", "apiVersion: hybridspan/v9")
    text = text.replace("datacenter: dc-2", "datacentre: DC-1").replace("10.30", "10.20")
    trial.write_text(text.replace("  regions:", "  cassandra: {replicationFactor: many}\n  regions:"))
    Path("overrides_apigee-eastus.yaml").write_text(OVERRIDES.replace("dc-1", "dc-7"))
    assert hybridspan("validate") == EXIT_INPUT
    out = capsys.readouterr().out
    assert "apiVersion" in out
    assert 'did you mean "datacenter"?' in out
    assert "replicationFactor" in out
    assert "HS-TOPOLOGY-010" in out, "networks overlap"
    assert "overrides_apigee-eastus.yaml:7: error HS-TOPOLOGY-052" in out


def test_what_misses_the_essential_is_told_by_its_shape_alone(trial, capsys):
    trial.write_text(TOPOLOGY.replace("      network: {addressPrefixes: [10.30.0.0/16]}\n", ""))
    assert hybridspan("validate") == EXIT_INPUT
    assert "`spec.regions[1].network` is missing" in capsys.readouterr().out
