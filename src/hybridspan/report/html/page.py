"""Puts the page together."""

from __future__ import annotations

import time

from hybridspan.report.amounts import duration
from hybridspan.report.html import operator, parts
from hybridspan.report.html.elements import Markup, join, section, tag
from hybridspan.report.html.map import colours, topology_map
from hybridspan.report.html.ring import ring_picture, ring_table
from hybridspan.report.html.style import STYLE
from hybridspan.report.html.timeline import timeline
from hybridspan.report.model import RunReport, by_keyspace
from hybridspan.report.verdict import overall

SECTIONS = (
    ("map", "Topology"),
    ("replication", "Replication"),
    ("ring", "Ring"),
    ("verification", "Verification"),
    ("timeline", "Timeline"),
    ("steps", "Steps"),
    ("preflight", "Pre-flight"),
    ("sent", "What was sent"),
)


def page(report: RunReport) -> str:
    """The whole document; everything that comes from files or from the world is escaped."""
    title = f"{report.topology.name}: Apigee hybrid in {len(report.topology.regions)} regions"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(STYLE)),
    )
    body = tag("body", _header(report), tag("main", *_main(report)))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _header(report: RunReport) -> Markup:
    topology = report.topology
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(report.generated_at))
    regions = " → ".join(f"{region.name} ({region.datacenter})" for region in topology.regions)
    links = [tag("a", text, href=f"#{anchor}") for anchor, text in SECTIONS]
    return tag(
        "header",
        tag("h1", topology.name),
        tag("p", f"Organization {topology.organization}, {topology.mode}, hybrid {topology.hybrid_version} "
            f"({topology.installer}). {regions}. As seen {when}.", class_="sub"),
        tag("nav", *links),
    )  # fmt: skip


def _main(report: RunReport) -> list[Markup]:
    verdict = overall(report)
    remarks = [tag("div", remark, class_="remark") for remark in report.remarks]
    banner = tag("div", tag("strong", verdict.headline), verdict.detail, class_=f"verdict {verdict.kind}")
    return [*remarks, banner, _tiles(report), *_sections(report), _footer(report)]


def _tiles(report: RunReport) -> Markup:
    ring = report.ring
    acted = [s for s in report.steps if s.state == "changed"]
    spent = sum(step.seconds or 0.0 for step in acted)
    up = sum(node.is_up_normal for node in ring.nodes) if ring else 0
    keyspaces = by_keyspace(report.verdicts)
    same = sum(all(verdict.state == "same" for verdict in found) for found in keyspaces.values())
    tiles = (
        (str(len(report.topology.regions)), "regions"),
        (f"{up}/{len(ring.nodes)}" if ring else "none", "Cassandra nodes UN"),
        (f"{same}/{len(keyspaces)}" if report.verdicts else "none", "keyspaces proved equal"),
        (str(len(acted)), f"steps carried out, {duration(spent)} of work"),
    )
    return tag(
        "div",
        *(tag("div", tag("b", big), tag("span", small), class_="tile") for big, small in tiles),
        class_="tiles",
    )


def _sections(report: RunReport) -> list[Markup]:
    ring, palette = report.ring, colours(report)
    made = [section("Topology", topology_map(report), anchor="map")]
    if ring:
        note = "Replicas of each keyspace in each data center. Cassandra's own keyspaces stand last."
        matrix = parts.replication(ring, report, palette)
        made.append(section("Replication matrix", matrix, note=note, anchor="replication"))
        agreement = (
            "All nodes agree on one schema."
            if ring.schema_agrees
            else "The nodes do not agree on one schema."
        )
        both = tag("div", ring_picture(ring, palette), ring_table(ring, palette), class_="two")
        seen = f"{ring.cluster_name}, seen from {ring.seen_from}. {agreement}"
        made.append(section("Ring", both, note=seen, anchor="ring"))
    if report.facts and (helm := operator.installed(report.topology, report.facts)):
        made.append(section("Helm and Apigee's operator", helm, note=_WHAT_OPERATOR, anchor="operator"))
    made += [
        section(
            "Verification", parts.verification(report.verdicts), note=_HOW_VERIFIED, anchor="verification"
        ),
        section("Timeline", timeline(report.steps), note="Steps that were acted on.", anchor="timeline"),
        section("Steps", parts.steps(report.steps), note=_WHAT_STEPS, anchor="steps"),
    ]
    if report.facts and report.facts.findings:
        made.append(
            section(
                "Pre-flight", parts.findings(report.facts.findings), note=_WHAT_CHECKS, anchor="preflight"
            )
        )
    if report.acts:
        made.append(section("What was sent", parts.acts(report.acts), note=_WHAT_SENT, anchor="sent"))
    return made


_HOW_VERIFIED = (
    "Replicas compared with each other, range by range, by Cassandra's own Merkle trees "
    "(nodetool repair --preview --full)."
)
_WHAT_STEPS = (
    "Each with its reason and the command that it stands for. Numbers are the documented procedure's."
)
_WHAT_OPERATOR = "Releases by region, and what the operator says of its own copying, which is no proof."
_WHAT_CHECKS = "Looked at before anything is changed."
_WHAT_SENT = "Requests, statements and programs as they were recorded, each once with its first time. Secrets never are."


def _footer(report: RunReport) -> Markup:
    return join(
        tag(
            "footer", f"Written by hybridspan {report.version}. This page holds everything; it loads nothing."
        )
    )
