"""The lab's own exec, which its controllers use, against a real API server and our kubelet."""

from __future__ import annotations

import pytest

from hybridspan_lab.kubeapi import ApiError, KubeApi, execution


async def execute(cluster, *argv: str, pod: str = "db-0") -> execution.Finished:
    """What warns of a connection that was not ended fails these tests."""
    async with KubeApi.from_kubeconfig(cluster.env["KUBECONFIG"]) as api:
        return await execution.run(api, "default", pod, "main", argv)


async def test_output_errors_and_exit_code_come_back(cluster, database):
    done = await execute(cluster, "sh", "-c", "echo yes; echo no >&2; exit 4")
    assert done == execution.Finished(4, "yes\n", "no\n")


async def test_words_arrive_as_they_are(cluster, database):
    done = await execute(cluster, "printf", "%s|", "a b", "c&d=e", "ä")
    assert done == execution.Finished(0, "a b|c&d=e|ä|", "")


async def test_a_pod_that_is_not_there_is_the_api_servers_refusal(cluster, database):
    with pytest.raises(ApiError) as refused:
        await execute(cluster, "true", pod="nobody")
    assert refused.value.is_missing


async def test_a_program_that_is_not_there_did_not_run(cluster, database):
    with pytest.raises(ApiError, match="nonsense"):
        await execute(cluster, "nonsense")
