"""The documented procedure, end to end, on real Cassandra and a real Kubernetes; then a third region.

The tests of this file share one lab and build on one another, in this order.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from hybridspan_lab.world.places import Places
from hybridspan_lab.world.process import worlds
from hybridspan_lab.world.record import Record, members, start_time
from tests.rehearsal.listening import UNREADABLE
from tests.rehearsal.rig import EXAMPLES, Rig, eventually, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(3000)]

ROWS = 20_000
LARGE_ROWS = 240
"""30 MiB: at a megabit a second from each of three nodes a rebuild takes longer than a look at it, on a busy machine too."""
POD = "apigee-cassandra-default-0"
LAB_PREFIXES = ["120.38.1.0/24", "192.138.0.0/24", "172.20.5.0/24"]
APIGEE_KEYSPACES = ["cache_hybrid_test_7_hybrid", "kms_hybrid_test_7_hybrid", "kvm_hybrid_test_7_hybrid"]
APIGEE_KEYSPACES += ["perses", "quota_hybrid_test_7_hybrid"]
SYSTEM_KEYSPACES = ["system_auth", "system_distributed", "system_traces"]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("two-regions") as rig:
        rig.hybridspan("lab", "fill", "--rows", str(ROWS), "--large", str(LARGE_ROWS))
        yield rig


def replication(rig: Rig) -> dict[str, dict[str, int]]:
    status = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)
    return {k["name"]: k["factors"] for k in status["ring"]["keyspaces"]}


def test_kubectl_gives_a_terminal_in_a_pod(rig: Rig) -> None:
    command = "kubectl --context apigee-eastus exec -it apigee-cassandra-default-0 -n apigee -- bash -c 'tty; exit 3'"
    done = rig.run("script", "-qec", command, "/dev/null", expect=3)
    assert "/dev/pts/" in done.stdout


def test_the_client_pod_of_the_procedure_lists_the_keyspaces(rig: Rig) -> None:
    password = rig.password("apigee-eastus", "ddl")
    host = "apigee-cassandra-default-0.apigee-cassandra-default.apigee.svc.cluster.local"
    image = ("--image", "google/apigee-hybrid-cassandra-client:1.0.0", "cqlsh", "-n", "apigee")
    script = f"cqlsh {host} -u ddl_user --ssl -e 'SELECT * FROM system_schema.keyspaces;'\n{password}\nexit\n"
    said = rig.kubectl("apigee-eastus", "run", "-i", "--restart=Never", "--rm", *image, stdin=script)
    assert all(name in said for name in (*APIGEE_KEYSPACES, *SYSTEM_KEYSPACES))


def test_without_a_terminal_and_without_a_yes_nothing_is_done(rig: Rig) -> None:
    done = rig.hybridspan("apply", str(rig.topology), expect=2)
    assert "HS-CLI-002" in done.stderr
    assert rig.events("acting") == []


def test_the_plan_names_every_row_of_the_procedure(rig: Rig) -> None:
    plan = json.loads(rig.hybridspan("plan", str(rig.topology), "--json").stdout)
    rows = {row for step in plan["steps"] for row in step["procedureRows"]}
    assert rows == set(range(1, 18))


def test_a_saved_plan_is_carried_out_up_to_the_first_join_which_is_named(rig: Rig) -> None:
    plan = str(rig.directory / "plan.json")
    rig.hybridspan("plan", str(rig.topology), "--save", plan)
    done = rig.hybridspan("apply", plan, "--yes", expect=3)
    assert "Stopped before datastore/centralus" in done.stderr


def test_a_saved_plan_is_refused_when_the_world_has_moved(rig: Rig) -> None:
    acted = len(rig.events("acting"))
    done = rig.hybridspan("apply", str(rig.directory / "plan.json"), "--yes", expect=1)
    assert "HS-PLAN-003" in done.stderr
    assert len(rig.events("acting")) == acted


def streams_at(rig: Rig, megabits: int) -> None:
    """What each node of the first region may send to another data center; 0 is as much as it can."""
    for ordinal in range(3):
        rig.nodetool("apigee-eastus", ordinal, "setinterdcstreamthroughput", str(megabits))


@contextmanager
def watching(rig: Rig, *options: str) -> Iterator[Path]:
    """What a `status --watch` in the background prints: whoever comes by again and again may miss a short rebuild."""
    log = rig.directory / f"watch{len(options)}.log"
    process = rig.start("status", str(rig.topology), "--watch", "--interval", "1", *options, log=log.name)
    try:
        yield log
        assert process.poll() is None, log.read_text()[-6000:]
    finally:
        process.terminate()
        process.wait(timeout=120)


def documents(text: str) -> Iterator[dict[str, Any]]:
    """The JSON documents one after the other; one that is being written is left out."""
    end = 0
    with suppress(json.JSONDecodeError):
        while (start := text.find("{", end)) >= 0:
            document, end = json.JSONDecoder().raw_decode(text, start)
            yield document


def progress_of_a_rebuild(log: Path) -> dict[str, Any]:
    """What status says of a node that has received some of its data and not all, or nothing."""
    seen = (rebuild for document in documents(log.read_text()) for rebuild in document["rebuilds"])
    return next((r for r in seen if 0 < r["bytes"] < r["bytesTotal"]), {})


def told_of_a_rebuild(log: Path) -> re.Match[str] | None:
    node = r"^rebuilds: node=apigee-cassandra-default-\d  datacenter=dc-2  "
    received = r"received=[\d.]+ \S+ of about [\d.]+ \S+ \(\d+%\)"
    return re.search(node + received, log.read_text(), re.MULTILINE)


def test_apply_goes_on_to_the_end_while_kubectl_and_status_show_a_rebuild(rig: Rig) -> None:
    """Streams are slow until status has been seen to tell how far a node is."""
    streams_at(rig, 1)
    run = rig.start("apply", str(rig.topology), "--yes", "--past-no-return")

    def rebuilding() -> bool:
        assert run.poll() is None, (rig.directory / "out.log").read_text()[-6000:]
        return any(e["step"] == f"rebuild/centralus/{POD}" for e in rig.events("acting"))

    try:
        eventually(rebuilding, 900, "the first rebuild begins")
        follow = ("kubectl", "--context", "apigee-centralus", "logs", "-f", POD, "-n", "apigee")
        log = rig.directory / "followed.log"
        with log.open("wb") as output:
            process = subprocess.Popen(follow, env=dict(rig.environment), stdout=output)
        try:
            eventually(lambda: "rebuild from dc: dc-1" in log.read_text(), 300, "the rebuild in the log")
            with watching(rig) as words, watching(rig, "--json") as looks:
                seen = eventually(lambda: progress_of_a_rebuild(looks), 300, "status shows how far it is")
                assert (seen["datacenter"], seen["keyspacesTotal"]) == ("dc-2", 8)
                eventually(lambda: told_of_a_rebuild(words), 300, "status says so in words too")
            streams_at(rig, 0)
            eventually(lambda: "All sessions completed" in log.read_text(), 300, "the end of its streams")
        finally:
            process.terminate()
            process.wait()
        assert run.wait(1200) == 0, (rig.directory / "out.log").read_text()[-6000:]
    finally:
        run.kill()
        run.wait()


def test_neither_apply_nor_what_it_starts_nor_this_process_touches_an_address_of_the_lab(rig: Rig) -> None:
    """The lab's addresses belong to others: only the default route matches them here, and nobody takes it."""
    for program in ("watched.py", "apigeectl"):
        assert any(program in words for words, _ in rig.heard), rig.heard
    assert [one for one in rig.heard if one[1] == UNREADABLE or not ip_address(one[1]).is_loopback] == []
    prefixes = [ip_network(p) for p in LAB_PREFIXES]
    assert not [route for route in routes() for prefix in prefixes if route.overlaps(prefix)]


def routes() -> list[IPv4Network]:
    """The routes of this process's network but for the default one."""
    found = []
    for line in Path("/proc/self/net/route").read_text().splitlines()[1:]:
        destination, mask = (
            IPv4Address(int.from_bytes(bytes.fromhex(line.split()[n]), "little")) for n in (1, 7)
        )
        found.append(IPv4Network((destination, str(mask))))
    return [route for route in found if route.prefixlen > 0]


def test_each_keyspace_is_replicated_as_documented(rig: Rig) -> None:
    factors = replication(rig)
    assert all(factors[name] == {"dc-1": 3, "dc-2": 3} for name in APIGEE_KEYSPACES), factors
    assert all(factors[name] == {"dc-1": 1, "dc-2": 1} for name in SYSTEM_KEYSPACES), factors


def test_verify_proves_it(rig: Rig) -> None:
    assert rig.is_proved()


def test_the_support_bundle_has_facts_and_every_nodes_log_and_no_password(rig: Rig) -> None:
    done = rig.hybridspan("support-bundle", str(rig.topology), "--json", "--output", "b.tar.gz")
    parts = json.loads(done.stdout)["parts"]
    assert "facts.json" in parts
    logs = [
        part for part in parts if re.fullmatch(r"logs/(eastus|centralus)/apigee-cassandra-\S+\.log", part)
    ]
    assert len(logs) == 6, parts
    with tarfile.open(rig.directory / "b.tar.gz") as archive:
        streams = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        texts = {name: stream.read().decode() for name, stream in streams.items() if stream}
    assert set(texts) == {f"hybridspan-support/{part}" for part in parts}
    assert all("INFO " in texts[f"hybridspan-support/{part}"] for part in logs)
    for user in ("jmx", "ddl", "dml", "admin"):
        password = rig.password("apigee-eastus", user)
        assert len(password) > 4
        assert [name for name, text in texts.items() if password in text] == []


def sees_one_down(rig: Rig, ordinal: int) -> bool:
    return "DN  " in rig.nodetool("apigee-eastus", ordinal, "status")


@pytest.mark.long
def test_verify_names_the_node_that_missed_writes_and_mends_just_that(rig: Rig) -> None:
    """Without hints a node that hung while rows were written lacks them, and nothing but a comparison would ever tell."""
    hung = {"cluster": "apigee-centralus", "pod": "apigee-cassandra-default-1"}
    for ordinal in range(3):
        rig.nodetool("apigee-eastus", ordinal, "disablehandoff")
    rig.hybridspan("lab", "fault", json.dumps({"kind": "pause", **hung}))
    try:
        # Nobody sends to a node that it knows to be down; what waits in a hanging node's sockets may still be taken later.
        for ordinal in range(3):
            eventually(
                partial(sees_one_down, rig, ordinal), 120, "each node that may coordinate sees it down"
            )
        rows = ("hybridspan-fill", "--organization", "hybrid-test-7", "--first", str(ROWS), "--rows", "1")
        rig.kubectl("apigee-eastus", "exec", POD, "-n", "apigee", "--", *rows)
    finally:
        rig.hybridspan("lab", "fault", json.dumps({"kind": "resume", **hung}))
        for ordinal in range(3):
            rig.nodetool("apigee-eastus", ordinal, "enablehandoff")
    eventually(lambda: rig.nodetool("apigee-eastus", 0, "status").count("UN  ") == 6, 120, "all are up again")
    address = rig.kubectl(
        "apigee-centralus", "get", "pod", hung["pod"], "-n", "apigee", "-o", "jsonpath={.status.podIP}"
    )
    compared = json.loads(rig.hybridspan("verify", str(rig.topology), "--json", expect=3).stdout)
    (centralus,) = compared["datacenters"]
    named = {d["node"] for keyspace in centralus["keyspaces"] for d in keyspace["differences"]}
    assert named == {address}
    rig.hybridspan("verify", str(rig.topology), "--repair", expect=2)
    mended = rig.hybridspan("verify", str(rig.topology), "--repair", "--yes")
    assert mended.stderr.count("to mend: ") == 1
    assert "Proved: dc-2 holds what the others hold." in mended.stdout


def test_the_seed_is_out_again(rig: Rig) -> None:
    rig.seed_is_out()


def test_a_second_apply_does_nothing_and_says_why(rig: Rig) -> None:
    rig.another_apply_does_nothing()


def test_the_real_nodetool_sees_both_data_centers_up(rig: Rig) -> None:
    said = rig.nodetool("apigee-eastus", 0, "status")
    assert said.count("UN  ") == 6
    assert "Datacenter: dc-1" in said
    assert "Datacenter: dc-2" in said


def test_what_lab_env_notes_works_as_it_is_typed(rig: Rig) -> None:
    lines = rig.hybridspan("lab", "env").stdout.splitlines()
    notes = {
        n: command.strip() for n, _, command in (line[2:].partition(":") for line in lines if line[:1] == "#")
    }
    assert rig.run("sh", "-c", notes["nodetool"]).stdout.count("UN  ") == 6
    password = rig.run("sh", "-c", notes["it asks"]).stdout
    assert password == rig.password("apigee-eastus", "ddl")
    typed = f"{password}\nSELECT cluster_name FROM system.local;\n"
    assert "apigeecluster" in rig.run("sh", "-c", notes["cqlsh"], stdin=typed).stdout
    top = rig.kubectl(
        "apigee-eastus", "top", "pod", "-n", "apigee", "-l", "app=apigee-cassandra", "--no-headers"
    )
    assert {line.split()[0] for line in top.splitlines()} == {
        f"apigee-cassandra-default-{n}" for n in range(3)
    }


def test_the_real_az_shows_the_peering_connected(rig: Rig) -> None:
    show = (
        "network",
        "vnet",
        "peering",
        "show",
        "--name",
        "my-hybrid-rg-vnet1-peering",
        "--vnet-name",
        "my-hybrid-rg-vnet",
    )
    said = rig.az(*show, "--resource-group", "my-hybrid-rg", "--query", "peeringState")
    assert said.strip() == '"Connected"'


def test_cqlsh_reaches_a_node_through_a_forwarded_port(rig: Rig) -> None:
    forward = (
        "kubectl",
        "--context",
        "apigee-centralus",
        "port-forward",
        "apigee-cassandra-default-0",
        "-n",
        "apigee",
        ":9042",
    )
    with subprocess.Popen(forward, env=dict(rig.environment), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().split("127.0.0.1:")[1].split()[0]
        try:
            done = rig.cqlsh("apigee-centralus", port, "SELECT cluster_name FROM system.local;")
        finally:
            process.terminate()
    assert "apigeecluster" in done


@pytest.mark.long
def test_a_third_region_joins_afterwards(rig: Rig) -> None:
    """The example with three regions goes on where the one with two has ended: same file, same name, one more region.

    It copies from the second, as the file says, and has a namespace and a resource group of its own.
    """
    known, last = len(rig.events("acting")), rig.events()[-1]["sequence"]
    text = (EXAMPLES / "three-regions" / "hybrid.yaml").read_text()
    text, count = re.subn(
        "      copyFrom: dc-1 .*\n", "      copyFrom: dc-2\n      namespace: apigee-emea\n", text
    )
    assert count == 1
    rig.topology.write_text(text.replace("name: three-regions", "name: two-regions"))
    rig.apply()
    told = [json.dumps(event["document"]) for event in rig.events("nodetool", after=last)]
    rebuilds = [words for words in told if '"rebuild"' in words]
    assert len(rebuilds) >= 3
    assert all('"dc-2"' in words and '"dc-1"' not in words for words in rebuilds), rebuilds
    factors = replication(rig)
    assert all(factors[name] == {"dc-1": 3, "dc-2": 3, "dc-3": 3} for name in APIGEE_KEYSPACES), factors
    acted = {event["step"] for event in rig.events("acting")[known:]}
    assert not [step for step in acted if "westeurope" not in step], acted


@pytest.mark.long
def test_every_row_is_read_from_the_second_region_when_the_first_is_gone(rig: Rig) -> None:
    """The third region stops too, so that no row can come from anywhere but the second."""
    stop(rig, "apigee-eastus")
    stop(rig, "apigee-westeurope", "apigee-emea")
    eventually(lambda: rig.nodetool("apigee-centralus", 0, "status").count("DN  ") == 6, 120, "both are down")
    reader = ("-m", "hybridspan_lab.cassandra.fill", "--organization", "hybrid-test-7", "--verify")
    all_rows = ("--consistency", "ONE", "--rows", str(ROWS))
    words = rig.kubectl(
        "apigee-centralus", "exec", POD, "-n", "apigee", "--", sys.executable, *reader, *all_rows
    )
    result = json.loads(words.splitlines()[-1])
    assert (result["found"], result["missing"]) == (ROWS, 0), result


def stop(rig: Rig, context: str, namespace: str = "apigee") -> None:
    """Every Cassandra node of a region; the controllers first, which would bring them back."""
    scale = ("scale", "--replicas", "0")
    rig.kubectl(context, *scale, "deployment", "--all", "-n", "apigee-system")
    rig.kubectl(context, *scale, "statefulset", "apigee-cassandra-default", "-n", namespace)
    gone = ("wait", "pod", "-l", "app=apigee-cassandra", "-n", namespace, "--for=delete", "--timeout=120s")
    rig.kubectl(context, *gone)


def test_nothing_is_left_of_a_lab_that_was_killed_with_everything_running(rig: Rig) -> None:
    """The last of this file: every Cassandra node that is still up, control planes, networks and disks go with it."""
    places = Places(rig.home)
    record = Record.read(places.record)
    assert record is not None
    before = descendants(record.pid)
    assert {"java", "kube-apiserver", "etcd"} <= {program for _, _, program in before}
    os.kill(record.pid, signal.SIGKILL)
    rig.hybridspan("lab", "down", timeout=120)
    assert [one for one in before if start_time(one[0]) == one[1]] == []
    assert members(record.namespace) == worlds(rig.home) == []
    assert not rig.home.exists()
    assert not places.sockets.exists()
    assert not [words for words in mounts() if str(rig.home) in words]


def descendants(root: int) -> list[tuple[int, str, str]]:
    """(process, its start, its program) of a process and of all below it; not of one that ends while they are listed."""
    parents: dict[int, tuple[int, str]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            head, _, rest = path.read_text().rpartition(")")
            parents[int(path.parent.name)] = int(rest.split()[1]), head.partition("(")[2]
    found = {root}
    while more := {pid for pid, (parent, _) in parents.items() if parent in found} - found:
        found |= more
    return [(pid, start, parents[pid][1]) for pid in sorted(found) if (start := start_time(pid))]


def mounts() -> set[str]:
    """What any process of this machine has mounted; processes come and go while they are listed."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/mountinfo"):
        with suppress(OSError):
            found.add(path.read_text())
    return found
