"""What every rule judges: the topology, its lines, and the overrides that lie beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from hybridspan.topology.model import NetworkPlugin, Region, Topology
from hybridspan.topology.overrides import DeclaredOverrides
from hybridspan.topology.problems import Problem, ProblemSeverity
from hybridspan.topology.source import KeyPath, SourceMap, dotted


@dataclass(frozen=True, slots=True)
class Case:
    """Input of the rules; `overrides` is by region name and may lack regions."""

    topology: Topology
    where: SourceMap
    overrides: Mapping[str, DeclaredOverrides] = field(default_factory=dict)

    def regions(self) -> Iterator[tuple[KeyPath, Region]]:
        """Each region with its path in the file."""
        for index, region in enumerate(self.topology.regions):
            yield ("spec", "regions", index), region

    def plugin(self, region: Region) -> NetworkPlugin:
        """The network plugin that the region's cluster will have, as far as the file tells.

        Where nothing is declared anywhere, a declared pod range speaks for an overlay, and its absence for Azure CNI.
        """
        declared = region.cluster.network_plugin or self.topology.first.cluster.network_plugin
        if declared:
            return declared
        return "azure-overlay" if region.cluster.pod_cidr else "azure"

    def error(self, code: str, path: KeyPath, message: str, *, why: str = "", remedy: str = "") -> Problem:
        """A problem that must be solved before anything runs."""
        return self._problem("error", code, path, message, why, remedy)

    def warning(self, code: str, path: KeyPath, message: str, *, why: str = "", remedy: str = "") -> Problem:
        """Something that works but is unwise."""
        return self._problem("warning", code, path, message, why, remedy)

    def _problem(
        self, severity: ProblemSeverity, code: str, path: KeyPath, message: str, why: str, remedy: str
    ) -> Problem:
        line = self.where.line(path)
        return Problem(code, severity, self.where.file, line, dotted(path), message, why, remedy)


Rule = Callable[[Case], Iterator[Problem]]
