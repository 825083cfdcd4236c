"""What pre-flight finds in the clusters: authority, credentials, storage, machines. Pure, from facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hybridspan.facts.kubernetes import CREDENTIALS, ClusterObjects, SecretFacts
from hybridspan.facts.world import Finding, RegionFacts
from hybridspan.topology.model import Region, Topology


def findings(topology: Topology, regions: Mapping[str, RegionFacts]) -> list[Finding]:
    """Of the first region what a run depends on; of new regions what stands in its way."""
    first = regions[topology.first.name]
    if first.cluster is None:
        where = _where(topology.first)
        hint = "az aks show --query '[provisioningState, powerState.code]' says what became of it; hybrid must run there first"
        return [
            Finding("cluster", "refuse", where, "the first region's cluster is not there or not ready", hint)
        ]
    found = [*_of_first(topology.first, first, first.cluster)]
    for region in topology.new_regions:
        own = regions[region.name]
        if own.cluster is not None:
            found += _of_new(region, own, own.cluster, first.cluster)
    return found


def _where(region: Region) -> str:
    return f"{region.name}, cluster {region.cluster.name}"


def _of_first(region: Region, facts: RegionFacts, cluster: ClusterObjects) -> Iterator[Finding]:
    where = _where(region)
    yield _authority(region, cluster)
    if cluster.cert_manager_version is None:
        hint = f"kubectl --context {region.context} -n cert-manager get deployments"
        yield Finding("cert-manager", "refuse", where, "there is no cert-manager", hint)
    else:
        yield Finding("cert-manager", "pass", where, f"cert-manager {cluster.cert_manager_version}")
    yield _credentials(region, cluster)
    yield from _machines(region, cluster)
    wanted = facts.overrides.storage_class if facts.overrides else None
    if wanted and wanted not in cluster.storage_classes:
        hint = (
            f"kubectl --context {region.context} get storageclass; a new region could not get volumes of it"
        )
        yield Finding(
            "storage-class", "warn", where, f"the overrides name the storage class {wanted}: not there", hint
        )


def _authority(region: Region, cluster: ClusterObjects) -> Finding:
    where, ask = _where(region), f"kubectl --context {region.context} -n cert-manager get secret apigee-ca"
    authority = cluster.certificate_authority
    if authority is None:
        hint = f"{ask}: without it no node of another region can join"
        return Finding("authority", "refuse", where, "there is no apigee-ca in namespace cert-manager", hint)
    if authority.certificate_fingerprint is None or "tls.key" not in authority.hashes:
        hint = "it must hold tls.crt and tls.key"
        return Finding("authority", "refuse", where, "apigee-ca holds no certificate with its key", hint)
    if cluster.authority_issued_nodes is False:
        hint = (
            "apigee-ca was made anew after the nodes got theirs: put the old one back, or let every node get a new certificate"
            " and restart (docs/trust.md); then plan again"
        )
        words = "apigee-ca is not the authority that issued the certificate of this region's Cassandra nodes"
        return Finding("authority", "refuse", where, words, hint)
    return Finding("authority", "pass", where, f"apigee-ca {authority.certificate_fingerprint[:16]}")


def _credentials(region: Region, cluster: ClusterObjects) -> Finding:
    where = _where(region)
    held = [s.name for s in cluster.secrets if s.purpose == CREDENTIALS]
    if held:
        return Finding("credentials", "pass", where, f"the ring's credentials are in {', '.join(held)}")
    hint = (
        "no secret has jmx.password and ddl.password: find the one that cassandra.auth.secret of the overrides names (else"
        f" apigee-datastore-default-creds) with {region.kubectl} get secrets, the ring's passwords must come from somewhere"
    )
    return Finding("credentials", "refuse", where, "there is no secret with the ring's credentials", hint)


def _machines(region: Region, cluster: ClusterObjects) -> Iterator[Finding]:
    where = _where(region)
    for node in cluster.nodes:
        if not node.ready:
            hint = f"kubectl --context {region.context} describe node {node.name}"
            yield Finding("machines", "warn", where, f"node {node.name} is not ready", hint)
    if cluster.nodes and all(node.ready for node in cluster.nodes):
        yield Finding("machines", "pass", where, f"{len(cluster.nodes)} nodes are ready")


def _of_new(
    region: Region, facts: RegionFacts, own: ClusterObjects, first: ClusterObjects
) -> Iterator[Finding]:
    where = _where(region)
    yield from _machines(region, own)
    installed = facts.apigee is not None and facts.apigee.datastore is not None
    if not installed:
        return
    held, wanted = own.certificate_authority, first.certificate_authority
    if held is None or wanted is None or held.hashes != wanted.hashes:
        hint = "nodes with another authority cannot join: docs/trust.md says how to begin again"
        yield Finding("authority", "refuse", where, "apigee-ca is not the first region's", hint)
    else:
        yield Finding("authority", "pass", where, "apigee-ca is the first region's, by its hash")
    yield from _same_credentials(region, own, first)


def _same_credentials(region: Region, own: ClusterObjects, first: ClusterObjects) -> Iterator[Finding]:
    where = _where(region)
    held: dict[str, SecretFacts] = {s.name: s for s in own.secrets}
    wanted = [s for s in first.secrets if s.purpose == CREDENTIALS]
    different = [s.name for s in wanted if s.name not in held or held[s.name].hashes != s.hashes]
    if different:
        # What a datastore uses is not written over: the passwords that it holds may be nowhere else.
        hint = (
            "the passwords live in the ring: this region must use the first region's. apply copies what is missing, and leaves what is"
            f" there: keep a copy of it, then {region.kubectl} delete secret {different[0]}, and run apply again"
        )
        message = f"not as in the first region: {', '.join(different)}"
        yield Finding("credentials", "warn", where, message, hint)
    elif wanted:
        yield Finding("credentials", "pass", where, "the credentials are the first region's, by their hashes")
