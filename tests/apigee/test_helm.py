"""helm as hybridspan starts it: a program on the PATH that says what each test wants to hear."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybridspan.apigee.helm import Helm, HelmPlace
from hybridspan.apigee.helm_preflight import helm_findings
from hybridspan.apigee.helm_process import ended, followed
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts.helm import HelmRelease, WantedRelease
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import Installation
from hybridspan.plan.phases.releases import decide_release, wanted_releases
from tests.plan_helm.world import RING, apigee, with_helm, world

LIST = [
    {
        "name": "operator",
        "namespace": "apigee",
        "revision": "2",
        "status": "deployed",
        "chart": "apigee-operator-1.16.0",
    },
    {
        "name": "prod",
        "namespace": "apigee",
        "revision": "1",
        "status": "deployed",
        "chart": "apigee-env-1.16.0",
    },
]
ENV = WantedRelease("env", "prod", "test")


class Cluster:
    """Remembers which secrets were deleted."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    async def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> bool:
        self.deleted.append(f"{kind} {namespace}/{name}")
        return True


class Bench:
    """A helm, of release 3 or 4, that notes its arguments and does what `script` says, and what hybridspan records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.version = "v3.22.0+g1a2b3c4"
        self.cluster = Cluster()
        self.records: list[tuple[str, dict[str, Any]]] = []
        place = HelmPlace(folder / "helm-centralus.kubeconfig", "apigee", folder / "logs")
        self.helm = Helm(
            place, self.cluster, lambda kind, document: self.records.append((kind, dict(document)))
        )
        self.lines: list[str] = []
        self.kubectl = f"kubectl --kubeconfig {place.kubeconfig} -n apigee"
        (folder / "bin").mkdir()

    def says(self, script: str, listed: list[dict[str, str]] | None = None) -> None:
        """`script` is sh for `helm upgrade`; `helm list` prints `listed`."""
        (self.folder / "list.json").write_text(json.dumps(LIST if listed is None else listed))
        program = self.folder / "bin" / "helm"
        program.write_text(
            f'#!/bin/sh\ncd {self.folder}\necho "$@" >> argv\n'
            # helm 4 lists every release, and has dropped the flag that asked helm 3 for that.
            'case "$*" in *--all*) echo "Error: unknown flag: --all" >&2; exit 1;; esac\n'
            'case "$1" in\n'
            f"version) echo {self.version};;\n"
            "list) cat list.json;;\n"
            "history) cat history.json;;\n"
            'get) echo \'{"env": "test", "cassandra": {"auth": {"ddl": {"password": "hush"}}}}\';;\n'
            f"upgrade|pull)\n{script}\n;;\nesac\n"
        )
        program.chmod(0o755)

    def gets(self, script: str) -> None:
        """What `helm get values` does from now on, in sh."""
        program = self.folder / "bin" / "helm"
        program.write_text(program.read_text().replace("get) echo", f"get) {script};;\nanother) echo"))

    def remembers(self, **status_of: str) -> None:
        """What `helm history` tells: the status of each revision, by its number after an `r`."""
        entries = [{"revision": int(key[1:]), "status": status} for key, status in status_of.items()]
        (self.folder / "history.json").write_text(json.dumps(entries))

    def left(self, told: str) -> Path:
        """The mark of a run on the release that nobody saw end."""
        mark = self.folder / "logs" / "helm-helm-centralus-prod.pid"
        mark.parent.mkdir(exist_ok=True)
        mark.write_text(told)
        return mark

    @property
    def calls(self) -> list[str]:
        return (self.folder / "argv").read_text().splitlines()

    async def upgrade(self) -> None:
        await self.helm.upgrade(ENV, Path("/charts/apigee-env"), Path("/o/overrides.yaml"), self.lines.append)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return bench


async def test_it_lists_releases_and_what_each_is_for(bench: Bench):
    bench.says("true")
    assert await bench.helm.releases() == (
        HelmRelease("operator", "apigee-operator", "1.16.0", "deployed", 2),
        HelmRelease("prod", "apigee-env", "1.16.0", "deployed", 1, "test"),
    )
    assert "hush" not in str(bench.records)


@pytest.mark.parametrize("status", ["failed", "pending-upgrade", "pending-rollback", "uninstalling"])
async def test_what_a_release_is_for_is_known_while_somebody_changes_it(bench: Bench, status: str):
    """Its name would be forgotten otherwise, and with it what another region's release is to be called."""
    bench.says("true", [{**LIST[1], "name": "env-prod", "status": status}])
    (first,) = await bench.helm.releases()
    assert (first.status, first.subject) == (status, "test")
    topology, overrides = with_helm(), OverridesFacts("o.yaml", exists=True, environments=("test",))
    found = wanted_releases(topology, Installation(apigee(first), overrides))
    (wanted,) = (w for w in found if w.key == "env/test")
    there = apigee(HelmRelease("env-prod", "apigee-env", "1.16.0", "deployed", 1, "test"))
    assert decide_release(topology, wanted, there).is_done


async def test_a_release_that_was_removed_is_none_though_its_record_was_kept(bench: Bench):
    bench.says("true", [LIST[0], {**LIST[1], "status": "uninstalled", "chart": "apigee-env-1.15.1"}])
    held = await bench.helm.releases()
    assert [r.name for r in held] == ["operator"]
    decision = decide_release(with_helm(), WantedRelease("env", "prod", "test"), apigee(*held))
    assert (decision.state, decision.reason) == ("needed", "release prod (apigee-env) is not installed")


async def test_an_environment_that_was_removed_with_its_record_kept_is_no_upgrade_that_stopped_half_way(
    bench: Bench,
):
    removed = {**LIST[1], "name": "old", "status": "uninstalled", "chart": "apigee-env-1.15.1"}
    bench.says("true", [LIST[0], LIST[1], removed])
    seen = world(with_helm(), RING)
    regions = dict(seen.regions)
    live = replace(regions["eastus"].apigee or apigee(), releases=await bench.helm.releases())
    regions["eastus"] = replace(regions["eastus"], apigee=live)
    helm = [f for f in helm_findings(with_helm(), regions) if f.check in ("helm-releases", "helm-versions")]
    assert [(f.severity, f.message) for f in helm] == [("pass", "2 releases of 1.16.0")]


async def test_a_release_that_goes_between_two_looks_is_no_failure(bench: Bench):
    bench.says("true", [LIST[1]])
    bench.gets("echo 'Error: release: not found' >&2; exit 1")
    assert [r.subject for r in await bench.helm.releases()] == [""]


async def test_values_that_cannot_be_read_are_a_failure_and_no_release_without_an_environment(bench: Bench):
    bench.says("true", PENDING)
    bench.gets("echo 'Error: secrets is forbidden' >&2; exit 1")
    with pytest.raises(PermanentFailure, match="HS-APIGEE-032"):
        await bench.helm.releases()


async def test_a_dry_run_comes_first_and_what_it_prints_is_thrown_away(bench: Bench):
    bench.says('case "$*" in *--dry-run*) echo "password: hush";; *) echo installed;; esac')
    await bench.upgrade()
    dry, real = (call for call in bench.calls if call.startswith("upgrade"))
    common = "upgrade prod /charts/apigee-env --install --values /o/overrides.yaml --set env=test"
    assert dry == f"{common} --dry-run=server --namespace apigee"
    assert real == f"{common} --atomic --timeout 15m --namespace apigee"
    assert bench.lines == ["installed"]
    assert "hush" not in str(bench.records)


async def test_what_a_dry_run_refuses_is_not_tried(bench: Bench):
    bench.says(
        'case "$*" in *--dry-run*) echo "Error: values don\'t meet the specifications of the schema(s)" >&2; exit 1;; esac'
    )
    with pytest.raises(PermanentFailure, match=r"HS-APIGEE-032.*nothing was changed") as caught:
        await bench.upgrade()
    assert caught.value.hint.startswith("correct the overrides")
    assert not [call for call in bench.calls if "--atomic" in call]


async def test_a_webhook_without_endpoints_is_waited_for(bench: Bench):
    bench.says(
        'case "$*" in *--atomic*) echo \'failed calling webhook: no endpoints available for service "apigee-webhook-service"\'; exit 1;; esac'
    )
    with pytest.raises(TemporaryFailure, match="HS-APIGEE-033") as caught:
        await bench.upgrade()
    assert (
        f"nothing of Apigee can be changed: {bench.kubectl} get pods -l app=apigee-controller"
        in caught.value.hint
    )


async def test_helm_4_is_told_in_its_own_words_to_do_the_same(bench: Bench):
    """It calls taking back otherwise, and would refuse what somebody has changed by hand as a conflict."""
    bench.version = "v4.3"
    bench.says(":", [])
    await bench.upgrade()
    assert bench.calls[-1].endswith(
        "--rollback-on-failure --server-side=false --timeout 15m --namespace apigee"
    )


ATOMIC = "release prod failed, and has been uninstalled due to atomic being set: "
WITH_4 = "release prod failed, and has been rolled back due to rollback-on-failure being set: "
"""As helm 4 calls the same."""


@pytest.mark.parametrize(
    "said",
    [
        ATOMIC + "context deadline exceeded",
        ATOMIC + "resource Deployment/apigee/x not ready. status: InProgress\ncontext deadline exceeded",
        WITH_4
        + "resource Deployment/apigee/x not ready. status: InProgress, message: Available: 0/1\ncontext deadline exceeded",
        "UPGRADE FAILED: pre-upgrade hooks failed: 1 error occurred: timed out waiting for the condition",
    ],
)
async def test_what_did_not_come_up_in_a_quarter_of_an_hour_is_not_called_passing(bench: Bench, said: str):
    bench.says(f"case \"$*\" in *--atomic*) echo '{said}'; exit 1;; esac")
    with pytest.raises(PermanentFailure, match="HS-APIGEE-032") as caught:
        await bench.upgrade()
    assert f"{bench.kubectl} get pods,events shows what does not start" in caught.value.hint


@pytest.mark.parametrize(
    "said",
    [
        ATOMIC + "failed calling webhook: Post: context deadline exceeded",
        WITH_4 + "failed calling webhook: Post: context deadline exceeded",
        ATOMIC + "dial tcp 10.0.0.1:443: connect: connection refused",
        "Kubernetes cluster unreachable: context deadline exceeded",
    ],
)
async def test_a_way_that_is_closed_for_a_moment_passes_with_atomic_too(bench: Bench, said: str):
    bench.says(f"case \"$*\" in *--atomic*) echo '{said}'; exit 1;; esac")
    with pytest.raises(TemporaryFailure, match="HS-APIGEE-033"):
        await bench.upgrade()


async def test_no_remedy_leaves_the_namespace_to_the_reader(bench: Bench):
    bench.says("echo 'etcdserver: leader changed' >&2; exit 1")
    with pytest.raises(TemporaryFailure, match="HS-APIGEE-033") as caught:
        await bench.upgrade()
    assert caught.value.hint == f"{bench.kubectl} get pods shows what does not run"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (
            'no matches for kind "ApigeeDatastore" in version "v1alpha1": ensure CRDs are installed first',
            "its crds step applies them",
        ),
        ("invalid ownership metadata; label validation error", "from another release or from apigeectl"),
        ("invalid ownership metadata; label validation error", "change and sync its Application"),
        (
            "denied the request: multiRegionSeedHost cannot be changed",
            "the webhook lets nobody change the seed",
        ),
    ],
)
async def test_known_words_get_their_remedy(bench: Bench, said: str, hint: str):
    bench.says(f"echo '{said}' >&2; exit 1")
    with pytest.raises(PermanentFailure) as caught:
        await bench.upgrade()
    assert hint in caught.value.hint


async def test_no_variable_of_the_persons_leads_it_to_another_cluster(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HELM_KUBECONTEXT", "production")
    bench.says('echo "$KUBECONFIG [$HELM_KUBECONTEXT]"')
    await bench.upgrade()
    assert bench.lines == [f"{bench.folder / 'helm-centralus.kubeconfig'} []"]


async def test_its_output_lies_in_a_file_that_only_its_owner_reads(bench: Bench):
    bench.says("echo done")
    await bench.upgrade()
    (log,) = (bench.folder / "logs").glob("*.log")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert not list((bench.folder / "logs").glob("*.pid"))


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # what another process does is no event of ours
            await asyncio.sleep(0.02)


async def test_a_line_that_comes_in_parts_is_one_line(tmp_path: Path):
    log, parts = tmp_path / "log", ["half a ", "line\nand ", "the last"]
    log.touch()

    class Process:
        """Writes a part each time that somebody has waited for its end in vain."""

        returncode: int | None = None

        async def wait(self) -> None:
            if not parts:
                self.returncode = 0
                return
            with log.open("a") as out:
                out.write(parts.pop(0))
            raise TimeoutError

    process: Any = Process()
    assert [line async for line in followed(process, log)] == ["half a line", "and the last"]


async def test_a_run_that_is_cancelled_lets_helm_end_by_itself_and_the_next_waits_for_it(bench: Bench):
    bench.says('case "$*" in *--atomic*) until [ -e go ]; do sleep 0.02; done; echo ended >> ended;; esac')
    task = asyncio.create_task(bench.upgrade())
    await until(
        lambda: [c for c in bench.calls if "--atomic" in c] if (bench.folder / "argv").exists() else []
    )
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    again = asyncio.create_task(bench.upgrade())
    await until(lambda: bench.lines)
    assert "still under way" in bench.lines[0]
    assert not (bench.folder / "ended").exists()
    (bench.folder / "go").touch()
    await again
    assert len((bench.folder / "ended").read_text().split()) == 2


PENDING = [{**LIST[1], "status": "pending-install"}]


async def test_the_unfinished_record_of_a_killed_run_of_ours_is_removed(bench: Bench):
    bench.says("true", PENDING)
    bench.left("999999999 1")
    await bench.upgrade()
    assert bench.cluster.deleted == ["Secret apigee/sh.helm.release.v1.prod.v1"]


@pytest.mark.parametrize("mark", ["999999999 1", "starting 1", "999999999"])
async def test_a_run_that_is_not_the_one_we_left_is_another_persons(bench: Bench, mark: str):
    bench.says("true", [{**LIST[1], "status": "pending-upgrade", "revision": "2"}])
    bench.left(mark)
    with pytest.raises(TemporaryFailure, match="HS-APIGEE-035"):
        await bench.upgrade()
    assert bench.cluster.deleted == []


ON_THE_WAY_BACK = [{**LIST[1], "status": "pending-rollback", "revision": "3"}]


async def test_the_way_back_that_helm_itself_took_from_our_failed_run_is_removed(bench: Bench):
    bench.says("true", ON_THE_WAY_BACK)
    bench.remembers(r1="superseded", r2="failed", r3="pending-rollback")
    bench.left("999999999 2")
    await bench.upgrade()
    assert bench.cluster.deleted == ["Secret apigee/sh.helm.release.v1.prod.v3"]


@pytest.mark.parametrize(("begun", "status"), [(2, "pending-upgrade"), (1, "failed"), (3, "failed")])
async def test_a_rollback_that_a_person_began_is_left_alone(bench: Bench, begun: int, status: str):
    bench.says("true", ON_THE_WAY_BACK)
    bench.remembers(**{f"r{begun}": status})
    bench.left(f"999999999 {begun}")
    with pytest.raises(TemporaryFailure, match="HS-APIGEE-035"):
        await bench.upgrade()
    assert bench.cluster.deleted == []


async def test_a_run_that_could_not_be_started_leaves_no_mark(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    def full(_path: Path) -> Any:
        raise OSError(28, "No space left on device")

    bench.says("true")
    monkeypatch.setattr("hybridspan.apigee.helm.private_file", full)
    with pytest.raises(OSError, match="No space"):
        await bench.upgrade()
    assert not (bench.folder / "logs" / "helm-helm-centralus-prod.pid").exists()


@pytest.mark.parametrize("listed", [LIST, []])
async def test_the_mark_of_a_run_that_ended_by_itself_is_dropped_by_the_next_look(bench: Bench, listed: Any):
    bench.says("true", listed)
    mark = bench.left("999999999 1")
    await bench.helm.releases()
    assert not mark.exists()


@pytest.mark.parametrize("told", [f"{os.getpid()} 1", "starting 1"], ids=["runs", "starting"])
async def test_the_mark_of_a_run_that_may_be_under_way_stays(
    bench: Bench, told: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("hybridspan.apigee.helm_process._is_ours", lambda _number, _name: True)
    bench.says("true")
    mark = bench.left(told)
    await bench.helm.releases()
    assert mark.exists()


async def test_an_unfinished_record_keeps_its_mark(bench: Bench):
    bench.says("true", PENDING)
    mark = bench.left("999999999 1")
    await bench.helm.releases()
    assert mark.exists()


REMOVED = [{**LIST[1], "status": "uninstalled", "revision": "4"}]


@pytest.mark.parametrize(("listed", "revision"), [(LIST, 2), (REMOVED, 5), ([], 1)])
async def test_a_run_marks_the_revision_that_it_makes(bench: Bench, listed: Any, revision: int):
    bench.says('case "$*" in *--atomic*) until [ -s go ]; do sleep 0.02; done; cat logs/*.pid;; esac', listed)
    task = asyncio.create_task(bench.upgrade())
    mark = bench.folder / "logs" / "helm-helm-centralus-prod.pid"
    await until(lambda: mark.exists() and re.fullmatch(r"\d+ \d+", mark.read_text()))
    (bench.folder / "go").write_text("go")
    await task
    (told,) = bench.lines
    assert told.split()[1] == str(revision)


async def test_another_persons_run_is_left_alone(bench: Bench):
    bench.says("true", PENDING)
    with pytest.raises(TemporaryFailure, match=r"HS-APIGEE-035.*pending-install") as caught:
        await bench.upgrade()
    assert f"{bench.kubectl} delete secret sh.helm.release.v1.prod.v1," in caught.value.hint
    assert bench.cluster.deleted == []


async def test_a_registry_that_refuses_is_named(bench: Bench):
    bench.says("echo 'unauthorized' >&2; exit 1")
    with pytest.raises(PermanentFailure, match=re.escape("HS-APIGEE-050")) as caught:
        await bench.helm.pull("oci://registry.example/apigee-env", "1.16.0", bench.folder / "charts")
    assert "helm registry login" in caught.value.hint


async def test_a_missing_program_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(bench.folder / "nowhere"))
    with pytest.raises(PermanentFailure, match="HS-APIGEE-031"):
        await bench.helm.releases()


async def test_what_cannot_be_asked_is_told_with_the_next_move(bench: Bench, tmp_path: Path):
    program = tmp_path / "bin" / "helm"
    program.write_text("#!/bin/sh\necho 'Error: unknown flag' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(PermanentFailure, match="HS-APIGEE-032") as caught:
        await bench.helm.releases()
    assert "run again" in caught.value.hint


async def test_a_look_that_does_not_end_is_stopped_and_told_with_the_next_move():
    process = await asyncio.create_subprocess_exec("sleep", "60", stdout=asyncio.subprocess.PIPE)
    with pytest.raises(TemporaryFailure, match="HS-APIGEE-034") as caught:
        await ended(process, 0.05, ["helm", "list"])
    assert "API server" in caught.value.hint
    assert process.returncode is not None
