"""What `hybridspan lab` says to a person."""

from __future__ import annotations

import subprocess
import time

from click.testing import CliRunner

from hybridspan.cli.lab import lab
from hybridspan_lab import control


def test_up_that_is_interrupted_tells_how_to_end_what_it_has_begun(tmp_path, monkeypatch):
    """The next `lab up` there would refuse: unlike everything else, it does not go on where it was."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("HYBRIDSPAN_LAB_HOME", str(tmp_path / "a home"))
    monkeypatch.setattr(control, "up", interrupted)
    done = CliRunner().invoke(lab, ["up"])
    assert done.exit_code == 1
    words, _, end = done.output.partition("to end it:  ")
    assert "what was begun of the lab stays" in words
    ended = subprocess.run(["sh", "-c", end.splitlines()[0]], capture_output=True, text=True, check=True)
    assert ended.stdout == "there was no lab\n"


def pod(name: str, **more: object) -> dict[str, object]:
    plain = {"namespace": "apigee", "name": name, "address": "120.38.1.9", "restarts": 0, "memory": 2**20}
    return {**plain, "node": "aks-apigeedata-1-vmss000002", "phase": "Running", "ready": True, **more}


def test_status_tells_what_does_not_run_well(monkeypatch):
    cluster = {"name": "apigee-eastus", "location": "eastus", "server": "https://127.0.0.1:1"}
    cluster["programs"] = [{"name": "etcd", "running": False, "memory": 0, "log": "/h/etcd.log"}]
    cluster["pods"] = [
        pod("well"),
        pod("restarting", ready=False, restarts=3),
        pod("scheduled", ready=False, phase="Pending", address=""),
        pod("done", ready=False, phase="Succeeded"),
    ]
    found = {"mode": "m", "home": "/h", "arm": "https://a", "topology": "/t.yaml", "memory": 2**20}
    answer = {**found, "since": time.time() - 300, "clusters": [cluster]}
    monkeypatch.setattr(control, "status", lambda: answer)
    monkeypatch.setattr(control, "notice", lambda: "")
    said = CliRunner().invoke(lab, ["status"]).output.splitlines()
    (line,) = (line for line in said if "/t.yaml" in line)
    assert line.endswith("up for 5 min")
    told = {line.split()[0]: line.split()[1:] for line in said if line.startswith("  ")}
    assert told["etcd"][0] == "ENDED"
    assert "etcd of apigee-eastus has ended; its log is /h/etcd.log" in said
    assert told["apigee/well"] == ["ready", "1", "MiB", "120.38.1.9", "apigeedata", "2"]
    assert told["apigee/restarting"][:2] == ["not", "ready"]
    assert told["apigee/restarting"][-2:] == ["restarts:", "3"]
    assert told["apigee/scheduled"][0] == "Pending"
    assert "  and 1 pod of jobs that have ended well" in said
