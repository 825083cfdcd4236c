"""Reads the files and puts every rule to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from hybridspan.topology.loading import LoadedTopology, from_source
from hybridspan.topology.model import Topology
from hybridspan.topology.overrides import DeclaredOverrides, read_overrides
from hybridspan.topology.problems import Problem, TopologyError, in_file_order
from hybridspan.topology.salvage import salvaged
from hybridspan.topology.source import read_source
from hybridspan.topology.validation import addresses, capacity, cassandra, naming, overrides, releases
from hybridspan.topology.validation.case import Case, Rule

RULES: tuple[Rule, ...] = (
    *addresses.RULES,
    *capacity.RULES,
    *naming.RULES,
    *cassandra.RULES,
    *releases.RULES,
    *overrides.RULES,
)


@dataclass(frozen=True, slots=True)
class Examination:
    """A topology file, judged; `topology` is None where its shape is too wrong to build one."""

    topology: Topology | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.is_error)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if not p.is_error)

    def accepted(self) -> Topology:
        """The topology, which may have warnings; TopologyError with every error otherwise."""
        if self.errors or self.topology is None:
            raise TopologyError(self.errors)
        return self.topology


def problems(loaded: LoadedTopology, declared: Mapping[str, DeclaredOverrides]) -> tuple[Problem, ...]:
    """Everything that is wrong or unwise, in the order of the files; `declared` has the overrides by region name."""
    case = Case(loaded.topology, loaded.where, declared)
    return in_file_order(chain.from_iterable(rule(case) for rule in RULES))


def examine(path: Path | str) -> Examination:
    """Reads a topology file and its overrides and judges them; never raises for what is in them."""
    try:
        source = read_source(Path(path).absolute())
    except TopologyError as failure:
        return Examination(None, failure.problems)
    try:
        loaded = from_source(source)
    except TopologyError as failure:
        remains = salvaged(source)
        meant = _judged(remains) if remains else ()
        return Examination(None, in_file_order((*failure.problems, *meant)))
    return Examination(loaded.topology, _judged(loaded))


def _judged(loaded: LoadedTopology) -> tuple[Problem, ...]:
    declared = {str(region.name): read_overrides(region) for region in loaded.topology.regions}
    return problems(loaded, declared)


def refuse_errors(topology: Topology) -> None:
    """TopologyError with every error of the file that a topology came from, and of its overrides; warnings pass."""
    examine(topology.path).accepted()
