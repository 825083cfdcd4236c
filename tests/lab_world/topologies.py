"""The example with words replaced, as a person would write a topology of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

from hybridspan.topology import loading
from hybridspan.topology.model import Topology
from hybridspan_lab.examples import example_directory


def changed(folder: Path, *changes: tuple[str, str]) -> Topology:
    """The example with these words replaced."""
    shutil.copytree(example_directory("two-regions"), folder / "work")
    file = folder / "work" / "hybrid.yaml"
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    return loading.load(file)
