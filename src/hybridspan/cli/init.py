"""`hybridspan init`: writes a topology file, by questions or from an existing installation."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hybridspan.cli.interview import QUESTIONS, Interview
from hybridspan.cli.opening import json_option
from hybridspan.errors import EXIT_OK, InputError

if TYPE_CHECKING:
    from hybridspan.cli.discovered import Installation
    from hybridspan.cli.installation import Known
    from hybridspan.topology.draft import TopologyDraft


def _options(command: Callable[..., int]) -> Callable[..., int]:
    for name in reversed(list(QUESTIONS)):
        text, default = QUESTIONS[name]
        shown = f" Default: {default}." if default else ""
        command = click.option(f"--{name}", name.replace("-", "_"), help=f"{text}.{shown}")(command)
    return command


@click.command()
@click.argument("file", default="hybrid.yaml", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--context",
    "contexts",
    multiple=True,
    help="Kube context of the existing installation; may be repeated. With --subscription and --resource-group "
    "all that is there is looked for.",
)
@click.option(
    "--look-in",
    "further",
    multiple=True,
    metavar="SUBSCRIPTION/GROUP",
    help="A further resource group with clusters of the installation; may be repeated.",
)
@click.option("--endpoint", help="URL of a Resource Manager other than public Azure's.")
@_options
@click.option(
    "--add-region", "added", multiple=True, metavar="NAME[=RANGE]", help="A region to add; may be repeated."
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--no-questions", is_flag=True, help="Take the defaults; without a terminal always so.")
@json_option
def init(
    file: Path,
    contexts: tuple[str, ...],
    further: tuple[str, ...],
    endpoint: str | None,
    added: tuple[str, ...],
    force: bool,
    no_questions: bool,
    as_json: bool,
    **given: str | None,
) -> int:
    """Write a commented topology file.

    With --context, --subscription and --resource-group it describes the installation that is there: its clusters, networks and
    how they are connected, overrides files beside the new file, and the ring. What cannot be asked remains a question.
    """
    if file.exists() and not force:
        raise InputError(
            "HS-TOPOLOGY-070", f"{file} exists already", hint="name another file, or say --force"
        )
    from hybridspan.cli.installation import Known

    interview = Interview({key.replace("_", "-"): text for key, text in given.items() if text}, no_questions)
    named = _named_overrides(interview, file)
    found = _found(interview, file, contexts, further, endpoint)
    if found is None:
        draft = _draft(interview, file, contexts[0] if contexts else None, endpoint, named)
    else:
        interview.found = {**interview.found, **found.answers}
        pools = Known(found.answers, found.regions[0].pools)
        draft = found.in_draft(_answered(interview, None, endpoint, pools))
    draft = _add_regions(interview, draft, added)
    _write(file, draft)
    click.echo(f"written: {file}; next: hybridspan validate {file}", err=True)
    if as_json:
        regions = [str(region.name) for region in draft.regions]
        click.echo(json.dumps({"file": str(file), "topology": draft.name, "regions": regions}, indent=2))
    return EXIT_OK


def _found(
    interview: Interview,
    file: Path,
    contexts: tuple[str, ...],
    further: tuple[str, ...],
    endpoint: str | None,
) -> Installation | None:
    """The installation that is there, where enough is given to look for it."""
    from hybridspan.cli.discovered import installation, look, places
    from hybridspan.cli.opening import carried_out

    given = interview.answers
    home = (given.get("subscription", ""), given.get("resource-group", ""))
    if not (contexts or further) or not all(home):
        return None
    namespace = given.get("namespace", "apigee")
    found = carried_out(lambda: look(endpoint, home, places(further), contexts, namespace))
    for remark in found.remarks:
        click.echo(remark, err=True)
    return installation(found, home, file, given.get("overrides"))


def _named_overrides(interview: Interview, file: Path) -> Known | None:
    """What the named overrides file says; its path is written relative to the topology file."""
    from hybridspan.cli.installation import from_overrides

    overrides = interview.answers.get("overrides")
    if not overrides:
        return None
    known = from_overrides(Path(overrides))
    interview.found = known.answers
    interview.answers["overrides"] = os.path.relpath(overrides, file.absolute().parent)
    return known


def _draft(
    interview: Interview, file: Path, context: str | None, endpoint: str | None, known: Known | None
) -> TopologyDraft:
    can_ask_azure = {"subscription", "resource-group", "network"} <= set(interview.answers)
    if context or can_ask_azure:
        known = _looked_up(interview, file, context, endpoint, can_ask_azure)
    return _answered(interview, context, endpoint, known)


def _looked_up(
    interview: Interview, file: Path, context: str | None, endpoint: str | None, ask_azure: bool
) -> Known:
    """What the live installation says, with placeholders where nothing is known yet."""
    from hybridspan.cli.installation import Known, from_live
    from hybridspan.cli.opening import carried_out
    from hybridspan.topology.draft import draft_text
    from hybridspan.topology.loading import from_source
    from hybridspan.topology.source import parse_source

    provisional = Interview({**_PLACEHOLDERS, **interview.found, **interview.answers}, no_questions=True)
    text = draft_text(_answered(provisional, context, endpoint, None))
    topology = from_source(parse_source(text, file.absolute())).topology
    known = carried_out(lambda: from_live(topology, ask_azure=ask_azure))
    for remark in known.remarks:
        click.echo(remark, err=True)
    interview.found = {**interview.found, **known.answers}
    return Known(interview.found, known.pools)


_PLACEHOLDERS: Mapping[str, str] = {
    "organization": "unknown",
    "hybrid-version": "1.11.2",
    "subscription": "00000000-0000-0000-0000-000000000000",
    "resource-group": "unknown",
    "existing-region": "eastus",
    "network-range": "10.16.0.0/16",
}


def _answered(
    interview: Interview, context: str | None, endpoint: str | None, known: Known | None
) -> TopologyDraft:
    from hybridspan.topology.draft import USUAL_POOLS, RegionDraft, TopologyDraft
    from hybridspan.topology.releases import usual_installer

    ask = interview.answer
    common = {name: ask(name) for name in ("name", "organization", "hybrid-version")}
    mode = ask("mode", _mode)
    home = {name: ask(name) for name in ("subscription", "resource-group", "namespace", "cassandra-cluster")}
    factor = ask("replication-factor", _count)
    from hybridspan.cli.installation import ranges

    place = {name: ask(name) for name in ("existing-region", "datacenter", "rack")}
    nodes, network, prefixes = ask("nodes", _count), ask("network"), ask("network-range", ranges)
    interview.answers["network-range"] = str(prefixes[0])
    region = RegionDraft(
        name=place["existing-region"],
        datacenter=place["datacenter"],
        rack=place["rack"],
        cassandra_nodes=nodes,
        network=network,
        ranges=prefixes,
        subnet=ask("subnet"),
        subnet_range=ask("subnet-range", IPv4Network),
        cluster=ask("cluster"),
        service_range=ask("service-cidr", IPv4Network),
        overrides=ask("overrides"),
        context=context,
        plugin=interview.found.get("network-plugin"),  # type: ignore[arg-type] # only ever set to one of the words
        pools=(known.pools if known else ()) or USUAL_POOLS,
    )
    return TopologyDraft(
        name=common["name"],
        organization=common["organization"],
        mode=mode,
        installer=usual_installer(common["hybrid-version"]),
        hybrid_version=common["hybrid-version"],
        subscription=home["subscription"],
        resource_group=home["resource-group"],
        namespace=home["namespace"],
        cassandra_cluster=home["cassandra-cluster"],
        replication_factor=factor,
        regions=(region,),
        endpoint=endpoint,
    )


def _mode(text: str) -> str:
    if text not in ("active-active", "active-passive"):
        raise ValueError("it is active-active or active-passive")
    return text


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"{text} is no number of nodes or replicas")
    return int(text)


def _add_regions(interview: Interview, draft: TopologyDraft, added: tuple[str, ...]) -> TopologyDraft:
    from hybridspan.topology.draft import another_region

    if not added and interview.asks:
        answer = click.prompt("Regions to add (Azure locations, separated by commas)", default="", err=True)
        added = tuple(part.strip() for part in answer.split(",") if part.strip())
    for each in added:
        name, _, text = each.partition("=")
        try:
            given = IPv4Network(text) if text else None
        except ValueError as wrong:
            raise InputError(
                "HS-TOPOLOGY-071",
                f"--add-region cannot be used: {wrong}",
                where=each,
                hint="name a location alone, or with its range: --add-region centralus=192.138.0.0/24",
            ) from wrong
        draft = replace(draft, regions=(*draft.regions, another_region(draft, name, given)))
    return draft


def _write(file: Path, draft: TopologyDraft) -> None:
    """Writes nothing that `validate` would refuse; what it would warn of is left for it to say."""
    from hybridspan.topology.draft import draft_text
    from hybridspan.topology.loading import from_source
    from hybridspan.topology.problems import TopologyError
    from hybridspan.topology.source import parse_source
    from hybridspan.topology.validation import problems

    text = draft_text(draft)
    loaded = from_source(parse_source(text, file.absolute()))
    errors = [problem for problem in problems(loaded, {}) if problem.is_error]
    if errors:
        raise TopologyError(errors)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
