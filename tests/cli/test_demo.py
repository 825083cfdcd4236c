from __future__ import annotations

import pytest

from hybridspan.cli.demo import Demo
from hybridspan.errors import InputError


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
