"""What the declared release says about installer and Cassandra."""

from __future__ import annotations

from collections.abc import Iterator

from hybridspan.topology.problems import Problem
from hybridspan.topology.releases import (
    FIRST_SUPPORTED,
    FIRST_WITH_HELM_HERE,
    RELEASES,
    minor_of,
    release_of,
)
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
            remedy=f"set installer: {release.installers[0]}; an installation that was made with apigeectl is moved to Helm "
            "first, by Google's migration guide of 1.11, then upgraded: hybridspan adds regions, it does not upgrade",
        )


def helm_supported(case: Case) -> Iterator[Problem]:
    """Regions are added with Helm to releases that have nothing but Helm."""
    topology = case.topology
    minor = minor_of(topology.hybrid_version)
    path = ("spec", "hybridVersion")
    if topology.installer != "helm" or release_of(topology.hybrid_version) is None:
        return
    remedy = "upgrade the existing installation to 1.14 or later first, by Google's guide and one minor release after the other"
    if minor < FIRST_WITH_HELM_HERE:
        yield case.error(
            "HS-TOPOLOGY-043",
            path,
            f"a region cannot be added with Helm to Apigee hybrid {topology.hybrid_version}",
            why="before 1.12 Helm and apigeectl mix in one installation, and Cassandra 3.11 cannot prove that data arrived",
            remedy=f"{remedy}; or set installer: apigeectl where apigeectl made it",
        )
    elif minor < FIRST_SUPPORTED:
        message = f"Apigee hybrid {topology.hybrid_version} is no longer supported by Google"
        yield case.warning("HS-TOPOLOGY-044", path, message, remedy=remedy)


def helm_keys_fit(case: Case) -> Iterator[Problem]:
    """Charts and the operator's replication belong to Helm."""
    topology = case.topology
    if topology.installer == "helm":
        return
    if topology.replication == "resource":
        yield case.error(
            "HS-TOPOLOGY-045",
            ("spec", "replication"),
            "replication: resource needs installer: helm",
            why="with apigeectl the data is copied by nodetool rebuild, as its procedure has it",
            remedy="leave replication out, or set it to direct",
        )
    if topology.charts is not None:
        message = "charts are of no use with installer: apigeectl"
        yield case.warning("HS-TOPOLOGY-046", ("spec", "charts"), message, remedy="leave charts out")


def proof_possible(case: Case) -> Iterator[Problem]:
    """Without `nodetool repair --preview` nothing proves that the data arrived."""
    release = release_of(case.topology.hybrid_version)
    if release and not release.has_preview_repair:
        yield case.warning(
            "HS-TOPOLOGY-042",
            ("spec", "hybridVersion"),
            f"Apigee hybrid {release.minor} ships Cassandra {release.cassandra}, which cannot compare replicas",
            why="`nodetool repair --preview` came with Cassandra 4.0; unless the live ring turns out to be 4.0 or later, "
            "every step is carried out and the end is `replicated, not proved` (exit code 3)",
            remedy="verify --count counts rows in each data center; or upgrade to 1.12 or later first, by Google's guide",
        )


RULES: tuple[Rule, ...] = (release_known, installer_fits, helm_supported, helm_keys_fit, proof_possible)
