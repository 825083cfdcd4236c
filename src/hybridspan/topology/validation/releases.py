"""What the declared release says about installer and Cassandra."""

from __future__ import annotations

from collections.abc import Iterator

from hybridspan.topology.problems import Problem
from hybridspan.topology.releases import RELEASES, release_of
from hybridspan.topology.validation.case import Case, Rule


def release_known(case: Case) -> Iterator[Problem]:
    """The release is in the table; a newer one is not refused, since the live system is asked anyway."""
    version = case.topology.hybrid_version
    if release_of(version) is None:
        yield case.warning(
            "HS-TOPOLOGY-040",
            ("spec", "hybridVersion"),
            f"Apigee hybrid {version} is not in the table of releases",
            why=f"known are {RELEASES[0].minor} to {RELEASES[-1].minor}; names and versions are taken from the live "
            "system and from the nearest release",
            remedy="check the number; releases before 1.3 have other names and are not supported",
        )


def installer_fits(case: Case) -> Iterator[Problem]:
    """The release ships with that installer."""
    release = release_of(case.topology.hybrid_version)
    installer = case.topology.installer
    if release and installer not in release.installers:
        yield case.error(
            "HS-TOPOLOGY-041",
            ("spec", "installer"),
            f"Apigee hybrid {case.topology.hybrid_version} is not installed with {installer}",
            why="apigeectl was dropped with 1.12, and Helm charts exist from 1.10 on",
            remedy=f"set installer: {release.installers[0]}",
        )


def proof_possible(case: Case) -> Iterator[Problem]:
    """Without `nodetool repair --preview` nothing proves that the data arrived."""
    release = release_of(case.topology.hybrid_version)
    if release and not release.has_preview_repair:
        yield case.warning(
            "HS-TOPOLOGY-042",
            ("spec", "hybridVersion"),
            f"Apigee hybrid {release.minor} ships Cassandra {release.cassandra}, which cannot compare replicas",
            why="`nodetool repair --preview` came with Cassandra 4.0; unless the live ring turns out to be 4.0 or later, "
            "the run ends as replicated, not proved (exit code 3)",
            remedy="upgrade to 1.12 or later where proof is needed",
        )


RULES: tuple[Rule, ...] = (release_known, installer_fits, proof_possible)
