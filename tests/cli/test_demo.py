from __future__ import annotations

import os
import re
import subprocess

import pytest
from click.testing import CliRunner

from hybridspan.cli.demo import EXAMPLES, Demo, demo
from hybridspan.errors import InputError
from hybridspan.topology import loading
from hybridspan_lab.examples import example_directory
from hybridspan_lab.network.mode import NOTICE
from hybridspan_lab.world.places import Places
from hybridspan_lab.world.record import Record, start_time


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


@pytest.fixture
def others_lab(tmp_path, monkeypatch):
    """A home in which a lab runs; its root process is one that surely exists."""
    home = tmp_path / "it is mine"
    home.mkdir()
    Record(os.getpid(), start_time(os.getpid()), "", 1, "", "installed", 0.0).write(Places(home).record)
    monkeypatch.setenv("HYBRIDSPAN_LAB_HOME", str(home))
    return home


def test_a_lab_that_somebody_else_runs_is_not_the_demos_to_end(tmp_path, others_lab, monkeypatch):
    ran = []
    monkeypatch.setattr(subprocess, "run", lambda *words, **_: ran.append(words))
    with pytest.raises(InputError, match="HS-LAB-026") as refusal:
        Demo(rows=1, keep=False, directory=tmp_path / "demo", example="two-regions").run()
    assert ran == []
    assert not (tmp_path / "demo").exists()
    assert "unset HYBRIDSPAN_LAB_HOME" in refusal.value.hint
    assert f"HYBRIDSPAN_LAB_HOME='{others_lab}' " in refusal.value.hint


def test_a_lab_that_is_kept_comes_with_commands_that_can_be_typed(tmp_path, capsys):
    """From any folder, with hybridspan not on the PATH, in a home with a space."""
    lab = {"HYBRIDSPAN_LAB_HOME": str(tmp_path / "a home")}
    Demo(rows=1, keep=True, directory=tmp_path, example="two-regions")._end(lab)
    said = capsys.readouterr().err
    use, end = (re.search(pattern, said)[1] for pattern in (r"To use it:  (.*)", r"To end it:  (.*)"))
    assert "lab env" in use
    bare = {"PATH": os.defpath}
    ended = subprocess.run(["sh", "-c", end], cwd="/", env=bare, capture_output=True, text=True, check=True)
    assert ended.stdout == "there was no lab\n"
    used = subprocess.run(["sh", "-c", use], cwd="/", env=bare, capture_output=True, text=True, check=False)
    assert "HS-LAB-027" in used.stderr
    assert lab["HYBRIDSPAN_LAB_HOME"] in used.stderr


@pytest.mark.parametrize(
    ("words", "example"),
    [
        ((), "two-regions"),
        (("--installer", "apigeectl"), "two-regions"),
        (("--installer", "helm"), "helm-two-regions"),
        (("--installer", "helm", "--example", "three-regions"), "three-regions"),
    ],
)
def test_each_installer_rehearses_its_own_example(words, example, tmp_path, monkeypatch):
    ran = []

    def run(self):
        ran.append(self._prepare())
        assert self._example == example
        return 0

    monkeypatch.setattr(Demo, "run", run)
    folder = tmp_path / "demo"
    done = CliRunner().invoke(demo, [*words, "--directory", str(folder)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (topology,) = ran
    assert topology.parent == folder
    assert topology.read_bytes() == (example_directory(example) / "hybrid.yaml").read_bytes()


def test_what_an_installer_rehearses_is_installed_with_it():
    found = {
        name: loading.load(example_directory(name) / "hybrid.yaml").installer for name in EXAMPLES.values()
    }
    assert found == {example: installer for installer, example in EXAMPLES.items()}
