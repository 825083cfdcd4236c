"""The stable JSON documents of `--json`; their schemas are published in docs/schemas and tested against these.

Keys are camel case and only ever added to. Nothing secret is in them: commands never hold a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hybridspan.engine.outcomes import RunOutcome, StepOutcome
from hybridspan.facts.azure import PeeringFacts
from hybridspan.facts.cassandra import RebuildFacts, RingFacts
from hybridspan.facts.world import Finding, RegionFacts, WorldFacts
from hybridspan.plan.model import Command, Plan, PlannedStep
from hybridspan.report.operator import copying_document, copyings, release_documents
from hybridspan.topology.model import Region, Topology
from hybridspan.verification.model import VerificationResult

API_VERSION = "hybridspan/v1"


def plan_document(plan: Plan) -> dict[str, Any]:
    """`plan --json` (plan.schema.json)."""
    return {
        **_head("Plan", plan.topology_name),
        "topologyDigest": plan.topology_digest,
        "factsDigest": plan.facts_digest,
        "pending": len(plan.pending),
        "refusals": list(plan.refusals),
        "notes": list(plan.notes),
        "findings": [_finding(finding) for finding in plan.findings],
        "steps": [_planned(step) for step in plan.steps],
    }


def check_document(topology_name: str, findings: Iterable[Finding]) -> dict[str, Any]:
    """`check --json` (check.schema.json)."""
    found = [_finding(finding) for finding in findings]
    refused = any(finding["severity"] == "refuse" for finding in found)
    return {**_head("CheckResult", topology_name), "ok": not refused, "findings": found}


def apply_document(topology_name: str, outcome: RunOutcome) -> dict[str, Any]:
    """`apply --json` (apply.schema.json)."""
    return {
        **_head("ApplyResult", topology_name),
        "outcome": outcome.word,
        "complete": outcome.is_complete,
        "unproved": list(outcome.unproved),
        "stoppedBefore": outcome.stopped_before or None,
        "steps": [_outcome(step) for step in outcome.steps],
    }


def status_document(topology: Topology, facts: WorldFacts) -> dict[str, Any]:
    """`status --json` (status.schema.json)."""
    copying = {c.region: c for c in copyings(topology, facts)}
    return {
        **_head("Status", topology.name),
        "takenAt": facts.taken_at,
        "regions": [
            {
                **_region(region, facts.regions.get(region.name)),
                "replication": copying_document(copying.get(str(region.name))),
            }
            for region in topology.regions
        ],
        "ring": _ring(facts.ring) if facts.ring else None,
        "rebuilds": [_rebuild(node) for node in facts.rebuilds],
        "unseen": [
            {"region": gap.region, "part": gap.part, "error": dict(gap.error)} for gap in facts.unseen
        ],
        "findings": [_finding(finding) for finding in facts.findings],
    }


def _rebuild(node: RebuildFacts) -> dict[str, Any]:
    return {
        "pod": node.pod,
        "datacenter": node.datacenter,
        "keyspace": node.keyspace,
        "keyspacesDone": node.keyspaces_done,
        "keyspacesTotal": node.keyspaces_total,
        "bytes": node.bytes,
        "bytesTotal": node.bytes_total,
        "files": node.files,
        "secondsLeft": node.seconds_left,
    }


def verify_document(topology_name: str, results: Iterable[VerificationResult]) -> dict[str, Any]:
    """`verify --json` (verify.schema.json)."""
    found = tuple(results)
    return {
        **_head("Verification", topology_name),
        "proved": bool(found) and all(result.is_proved for result in found),
        "datacenters": [dict(result.to_document()) for result in found],
    }


def _head(kind: str, topology_name: str) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "topology": topology_name}


def _planned(step: PlannedStep) -> dict[str, Any]:
    return {
        "id": step.id,
        "phase": step.phase,
        "region": step.region,
        "title": step.title,
        "state": step.decision.state,
        "reason": step.decision.reason,
        "hint": step.decision.hint,
        "waived": step.decision.is_waived,
        "needs": list(step.needs),
        "irreversible": step.irreversible,
        "procedureRows": list(step.procedure_rows),
        "commands": [_command(command) for command in step.commands],
        "undo": [_command(command) for command in step.undo],
    }


def _command(command: Command) -> dict[str, Any]:
    return {"argv": list(command.argv), "text": command.text(), "comment": command.comment}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "severity": finding.severity,
        "where": finding.where,
        "message": finding.message,
        "hint": finding.hint,
    }


def _outcome(step: StepOutcome) -> dict[str, Any]:
    return {
        "id": step.step,
        "state": step.state,
        "reason": step.reason,
        "started": step.started,
        "ended": step.ended,
        "error": step.error.to_document() if step.error else None,
    }


def _region(region: Region, facts: RegionFacts | None) -> dict[str, Any]:
    network = facts.azure.network if facts else None
    cluster = facts.azure.cluster if facts else None
    return {
        "name": region.name,
        "role": region.role,
        "datacenter": region.datacenter,
        "network": {
            "name": network.name,
            "addressPrefixes": [str(prefix) for prefix in network.address_prefixes],
            "peerings": [_peering(peering) for peering in network.peerings],
        }
        if network
        else None,
        "cluster": {
            "name": cluster.name,
            "kubernetesVersion": cluster.kubernetes_version,
            "provisioningState": cluster.provisioning_state,
            "nodesReady": sum(node.ready for node in facts.cluster.nodes) if facts and facts.cluster else 0,
        }
        if cluster
        else None,
        "datastore": _datastore(facts),
        "cassandraPods": _pods(facts),
        "releases": release_documents(facts.apigee if facts else None),
    }


def _peering(peering: PeeringFacts) -> dict[str, Any]:
    return {
        "name": peering.name,
        "remoteNetwork": peering.remote_network_id,
        "state": peering.state,
        "syncLevel": peering.sync_level,
        "carriesTraffic": peering.carries_traffic,
    }


def _datastore(facts: RegionFacts | None) -> dict[str, Any] | None:
    datastore = facts.apigee.datastore if facts and facts.apigee else None
    if datastore is None:
        return None
    return {
        "state": datastore.state,
        "replicas": datastore.replicas,
        "readyReplicas": datastore.ready_replicas,
        "seedHost": datastore.seed_host,
        "version": datastore.version,
    }


def _pods(facts: RegionFacts | None) -> list[dict[str, Any]]:
    pods = facts.cluster.cassandra_pods if facts and facts.cluster else ()
    return [
        {
            "name": pod.name,
            "address": pod.address,
            "ready": pod.ready,
            "restarts": pod.restarts,
            "reason": pod.reason,
        }
        for pod in pods
    ]


def _ring(ring: RingFacts) -> dict[str, Any]:
    return {
        "seenFrom": ring.seen_from,
        "clusterName": ring.cluster_name,
        "cassandraVersion": ring.cassandra_version,
        "schemaAgrees": ring.schema_agrees,
        "nodes": [
            {
                "address": node.address,
                "hostId": node.host_id,
                "datacenter": node.datacenter,
                "rack": node.rack,
                "status": node.status + node.state,
                "loadBytes": node.load_bytes,
            }
            for node in ring.nodes
        ],
        "keyspaces": [
            {
                "name": keyspace.name,
                "strategy": keyspace.replication.strategy,
                "factors": dict(keyspace.replication.factors),
            }
            for keyspace in ring.keyspaces
        ],
    }
