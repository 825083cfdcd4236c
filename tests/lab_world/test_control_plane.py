"""A real control plane starts, answers kubectl, and ends."""

import asyncio
import errno
import socket
from types import SimpleNamespace

import pytest

from hybridspan.errors import PermanentFailure
from hybridspan_lab.controlplane import ControlPlane
from hybridspan_lab.controlplane import plane as plane_module
from hybridspan_lab.kubeapi import KubeApi
from hybridspan_lab.parts import ensure


@pytest.fixture
async def plane(tmp_path):
    started = await ControlPlane.start(tmp_path, "aks", "10.1.0.0/16", ensure(), None)
    yield started
    await started.stop()


async def kubectl(plane, *arguments):
    program = ensure().kube_bin / "kubectl"
    process = await asyncio.create_subprocess_exec(
        program, "--kubeconfig", plane.kubeconfig, *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode()


async def test_a_control_plane_answers_the_real_kubectl_and_ends_completely(plane):
    assert await kubectl(plane, "config", "current-context") == "aks\n"
    async with KubeApi.from_kubeconfig(plane.kubeconfig) as api:
        service = await api.get("/api/v1", "services", "kubernetes", "default")
    assert service["spec"]["clusterIP"] == "10.1.0.1"
    programs = list(plane.programs)
    assert [program.name for program in programs] == [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ]
    await plane.stop()
    assert not any(program.is_running for program in programs)


async def test_a_control_plane_that_cannot_start_says_why(tmp_path):
    (tmp_path / "etcd").write_text("not a folder")
    with pytest.raises(PermanentFailure) as failure:
        await ControlPlane.start(tmp_path, "aks", "10.1.0.0/16", ensure(), None)
    assert failure.value.code == "HS-LAB-020"
    assert "etcd has ended" in failure.value.why


async def test_nobody_gets_its_ports_before_its_programs_listen(tmp_path, monkeypatch):
    refused = []

    def prepare(site):
        for port in (site.port, site.etcd_port, site.peer_port):
            with pytest.raises(OSError, match="in use") as taken, socket.socket() as other:
                other.bind(("127.0.0.1", port))
            refused.append(taken.value.errno)
        raise OSError("seen enough")

    monkeypatch.setattr(plane_module, "_prepare", prepare)
    with pytest.raises(OSError, match="seen enough"):
        await ControlPlane.start(tmp_path, "aks", "10.1.0.0/16", SimpleNamespace(kube_bin=tmp_path), None)
    assert refused == [errno.EADDRINUSE] * 3
