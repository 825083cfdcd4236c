from __future__ import annotations

import pytest

from hybridspan.cli.demo import Demo
from hybridspan.errors import InputError
from hybridspan_lab.network.mode import NOTICE


def prepared(directory, example="two-regions"):
    return Demo(rows=1, keep=False, directory=directory, example=example)._prepare()


def test_a_second_demo_does_not_believe_what_the_first_one_remembers(tmp_path):
    topology = prepared(tmp_path)
    (tmp_path / ".hybridspan").mkdir()
    (tmp_path / ".hybridspan" / "journal.sqlite").write_text("of a lab that is gone")
    assert prepared(tmp_path) == topology
    assert not (tmp_path / ".hybridspan").exists()
    assert [p.read_text() for p in tmp_path.glob(".hybridspan-before-*/journal.sqlite")] == [
        "of a lab that is gone"
    ]


def test_files_that_are_not_the_examples_are_left_alone(tmp_path):
    prepared(tmp_path)
    with pytest.raises(InputError, match="HS-CLI-011"):
        prepared(tmp_path, "three-regions")
    assert "two-regions" in (tmp_path / "hybrid.yaml").read_text()


def test_a_demo_on_the_fall_back_network_says_first_what_it_cannot_show(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HYBRIDSPAN_LAB_NETWORK", "loopback")
    monkeypatch.setenv("HYBRIDSPAN_LAB_HOME", str(tmp_path / "lab"))
    ran = []

    class Told(Demo):
        def _command(self, *arguments):
            ran.append(arguments)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        Told(rows=1, keep=True, directory=tmp_path / "demo", example="two-regions").run()
    assert ran[0][:2] == ("lab", "up")
    assert capsys.readouterr().out.splitlines()[0] == NOTICE


def test_a_demo_on_real_networks_has_nothing_to_excuse(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HYBRIDSPAN_LAB_NETWORK", "namespaces")
    Demo(rows=1, keep=False, directory=tmp_path, example="two-regions")._announce()
    assert capsys.readouterr().out == ""
