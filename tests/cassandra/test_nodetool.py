"""nodetool in a pod: its password, its words and its failures."""

from __future__ import annotations

from typing import Any

import pytest

from hybridspan.cassandra.credentials import Login
from hybridspan.cassandra.nodetool import Nodetool
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.secrets import Secret
from tests.cassandra.pods import PASSWORD, LocalPods


@pytest.fixture
def records() -> list[tuple[str, Any]]:
    return []


@pytest.fixture
def nodetool(pods: LocalPods, records) -> Nodetool:
    login = Login("jmxuser", Secret(PASSWORD))
    return Nodetool(pods, "apigee", login, lambda kind, document: records.append((kind, document)))


async def test_the_password_comes_by_a_private_file_that_is_gone_after(pods, nodetool) -> None:
    pods.program("nodetool", 'echo "$4"; stat -c %a "$4"; cat "$4"')
    path, mode, line = (await nodetool.run("pod-0", "status")).splitlines()
    assert mode == "600"
    assert line == f"jmxuser {PASSWORD}"
    assert not (pods.folder / path).exists()


async def test_no_argument_list_and_no_record_has_the_password(pods, nodetool, records) -> None:
    pods.program("nodetool", "true")
    await nodetool.run("pod-0", "rebuild", "--", "dc-1")
    assert PASSWORD not in str(pods.argvs)
    assert records == [
        ("nodetool", {"pod": "pod-0", "command": ["nodetool", "rebuild", "--", "dc-1"], "code": 0})
    ]


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        ("echo 'Authentication failed! Invalid username or password' >&2; exit 1", PermanentFailure, "HS-CASS-009"),
        ("echo \"Failed to connect to '127.0.0.1:7199' - ConnectException: 'Connection refused'\"; exit 1",
         TemporaryFailure, "HS-CASS-010"),
        ("echo 'error: boom'; exit 2", TemporaryFailure, "HS-CASS-012"),
    ],
)  # fmt: skip
async def test_failures_are_told_apart(pods, nodetool, script, kind, code) -> None:
    pods.program("nodetool", script)
    with pytest.raises(kind) as caught:
        await nodetool.run("pod-0", "status")
    assert caught.value.code == code
    assert "pod-0" in caught.value.where


async def test_a_container_without_nodetool_is_named(pods, nodetool) -> None:
    pods.program("nodetool", "exit 127")
    with pytest.raises(PermanentFailure, match="HS-CASS-011"):
        await nodetool.run("pod-0", "status")
