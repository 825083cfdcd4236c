"""`init` from an installation that is there: what was found answers the questions, and its other regions come along."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hybridspan.cli.installation import from_overrides
from hybridspan.errors import HybridspanError, InputError
from hybridspan.observation.description import Found, described, replication_factor
from hybridspan.topology.azure_ids import ResourceId
from hybridspan.topology.draft import RegionDraft, TopologyDraft


@dataclass(frozen=True, slots=True)
class Installation:
    """What was found, as answers to the questions and as regions of the file."""

    answers: Mapping[str, str]
    regions: tuple[RegionDraft, ...]
    remarks: tuple[str, ...]

    def in_draft(self, draft: TopologyDraft) -> TopologyDraft:
        """The draft with what no question asks for, and with the regions besides the first."""
        first, *others = self.regions
        own = replace(
            draft.regions[0],
            context=first.context or draft.regions[0].context,
            exists=True,
            pod_subnet=first.pod_subnet,
            network_id=first.network_id,
            cluster_id=first.cluster_id,
            connected=first.connected,
        )
        return replace(draft, regions=(own, *others))


async def look(
    endpoint: str | None,
    home: tuple[str, str],
    further: tuple[tuple[str, str], ...],
    contexts: tuple[str, ...],
    namespace: str,
) -> Found:
    """Looks into the groups; where Azure cannot be asked that is a remark, and nothing was found."""
    from hybridspan.azure.cloud import AzureCloud
    from hybridspan.azure.gateway import AzureGateway
    from hybridspan.observation.discovery import Where, discover

    gateway = None
    try:
        gateway = AzureGateway(AzureCloud.discover(endpoint), home[0], lambda _kind, _document: None)
        return await discover(gateway, Where((home, *further), contexts, namespace))
    except (HybridspanError, ImportError) as failure:
        return Found((), None, (f"Azure could not be asked: {failure}",))
    finally:
        if gateway is not None:
            await gateway.close()


def installation(
    found: Found, home: tuple[str, str], file: Path, overrides: str | None
) -> Installation | None:
    """The installation that was found, or None where there is none."""
    if not found.regions:
        return None
    files = overrides_by_datacenter(file, overrides)
    regions = described(found, ResourceId(*home, ""), files)
    declared = files.get(regions[0].datacenter)
    said = from_overrides(file.absolute().parent / declared).answers if declared else {}
    return Installation({**said, **_answers(found, regions[0])}, regions, found.remarks)


def _answers(found: Found, first: RegionDraft) -> dict[str, str]:
    region = found.regions[0]
    answers = {
        "existing-region": first.name,
        "datacenter": first.datacenter,
        "rack": first.rack,
        "nodes": str(first.cassandra_nodes),
        "network": first.network,
        "network-range": ",".join(map(str, first.ranges)),
        "subnet": first.subnet,
        "subnet-range": str(first.subnet_range),
        "cluster": first.cluster,
        "service-cidr": str(first.service_range),
        "overrides": first.overrides,
        "cassandra-cluster": region.store.cluster_name,
    }
    if first.plugin:
        answers["network-plugin"] = first.plugin
    if region.hybrid_version:
        answers["hybrid-version"] = region.hybrid_version
    if factor := replication_factor(found.ring, first.datacenter):
        answers["replication-factor"] = str(factor)
    return {question: answer for question, answer in answers.items() if answer}


def overrides_by_datacenter(file: Path, named: str | None) -> dict[str, str]:
    """Overrides files beside the topology file, and beside a named one, by the data center that they declare."""
    base = file.absolute().parent
    folders = [base] if named is None else [(base / named).parent, base]
    found: dict[str, str] = {}
    for path in sorted(path for folder in folders for path in folder.glob("*.y*ml")):
        try:
            known = from_overrides(path).answers
        except InputError:  # some other file
            continue
        if "datacenter" in known and "organization" in known:
            found.setdefault(known["datacenter"], os.path.relpath(path, base))
    return found


def places(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """`SUBSCRIPTION/GROUP`, taken apart; InputError in words where one is none."""
    found = []
    for text in texts:
        subscription, _, group = text.partition("/")
        if not subscription or not group:
            raise InputError(
                "HS-TOPOLOGY-071",
                "--look-in cannot be used: it is SUBSCRIPTION/GROUP",
                where=text,
                hint="az group list --query '[].id' prints the groups that there are, with their subscription",
            )
        found.append((subscription, group))
    return tuple(found)
