"""What the export for GitOps needs of the overrides: each new region's values, as they are or as a run would write them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from hybridspan.apigee.clear_secrets import passwords_in
from hybridspan.apigee.document import EditableText
from hybridspan.apigee.overrides import document_of
from hybridspan.apigee.overrides_edits import SEED, with_seed, without_seed
from hybridspan.errors import InputError
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.export.manifests import manifests
from hybridspan.plan.export.order import RegionInput
from hybridspan.plan.model import Plan
from hybridspan.plan.phases.operator import organization_resource
from hybridspan.plan.phases.overrides import choose_seed, is_complete
from hybridspan.plan.phases.releases import wanted_releases
from hybridspan.topology.model import Region, Topology


def exported(plan: Plan, topology: Topology, facts: WorldFacts) -> dict[str, str]:
    """Content by path below the folder; InputError with another installer, or where overrides hold passwords."""
    if topology.installer != "helm":
        raise InputError(
            "HS-PLAN-007",
            "there are no manifests with installer apigeectl",
            where="--export manifests",
            hint="runbook.md and run.sh hold the same plan",
        )
    return manifests(
        plan, topology, [_input(plan, topology, region, facts) for region in topology.new_regions]
    )


def _input(plan: Plan, topology: Topology, region: Region, facts: WorldFacts) -> RegionInput:
    first = facts.regions[topology.first.name].installation
    own = facts.regions[region.name].apigee
    document = document_of(topology, region, _seeding(plan, region, facts))
    return RegionInput(
        region=region,
        releases=wanted_releases(topology, first),
        # What somebody commented out may be a password still.
        values=document.without_remarks().text,
        document=cast("dict[str, object]", document.value()),
        organization=organization_resource(topology, first.apigee),
        passwords=passwords_in(document),
        deployed=frozenset(r.name for r in (own.releases if own else None) or () if r.is_deployed),
    )


def _seeding(plan: Plan, region: Region, facts: WorldFacts) -> Callable[[EditableText], EditableText]:
    """What the values say of the seed: a datastore that runs keeps its own until the proof, because Flux applies what is written."""
    own, complete = facts.regions[region.name].apigee, is_complete(facts.ring, region)
    live = own.datastore.seed_host if own and own.datastore else None
    if live and not (complete and plan.step(f"verify/{region.name}").decision.is_done):
        return partial(with_seed, address=live)
    if complete:
        return without_seed
    return partial(_seeded, choose_seed(facts.ring, region).address if facts.ring else None)


def _seeded(seed: str | None, document: EditableText) -> EditableText:
    """The document with a seed: its own, or this one while nodes have yet to join."""
    return with_seed(document, seed) if seed and not document.value(*SEED) else document
