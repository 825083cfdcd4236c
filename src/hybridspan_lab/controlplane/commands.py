"""How each program of a control plane is started: pure functions from places and ports to an argument list."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

ISSUER: Final = "https://kubernetes.default.svc.cluster.local"


@dataclass(frozen=True, slots=True)
class Site:
    """Where one control plane lives."""

    name: str
    home: Path
    bin: Path
    service_cidr: IPv4Network
    port: int
    etcd_port: int
    peer_port: int
    egress_socket: Path | None
    """Unix socket of the proxy through which the API server reaches nodes, pods and services."""
    has_endpoints: bool = True
    """False where pods have loopback addresses: the API server takes no endpoint on one."""

    @property
    def pki(self) -> Path:
        return self.home / "pki"

    @property
    def service_address(self) -> str:
        """Address of the service `kubernetes` inside the cluster."""
        return str(self.service_cidr[1])

    def kubeconfig(self, user: str) -> Path:
        return self.home / f"{user}.kubeconfig"


def etcd(site: Site) -> list[str]:
    client, peer = f"https://127.0.0.1:{site.etcd_port}", f"http://127.0.0.1:{site.peer_port}"
    return [
        str(site.bin / "etcd"),
        "--name=lab",
        f"--data-dir={site.home / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=lab={peer}",
        f"--cert-file={site.pki / 'etcd.crt'}",
        f"--key-file={site.pki / 'etcd.key'}",
        f"--trusted-ca-file={site.pki / 'ca.crt'}",
        "--client-cert-auth",
        # The lab's clusters do not outlive their processes, so no write waits for a disk.
        "--unsafe-no-fsync",
        # Its ports are held for it, so that nobody gets them before it listens; the API server's too.
        "--socket-reuse-port",
        "--log-level=warn",
    ]


def apiserver(site: Site) -> list[str]:
    pki = site.pki
    command = [
        str(site.bin / "kube-apiserver"),
        f"--etcd-servers=https://127.0.0.1:{site.etcd_port}",
        f"--etcd-cafile={pki / 'ca.crt'}",
        f"--etcd-certfile={pki / 'etcd-client.crt'}",
        f"--etcd-keyfile={pki / 'etcd-client.key'}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={site.port}",
        "--permit-port-sharing",
        f"--service-cluster-ip-range={site.service_cidr}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        # What answers `kubectl top` takes connections of the API server only.
        f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        # An endpoint of the service `kubernetes` may not be a loopback address; pods reach it through the kubelet.
        "--endpoint-reconciler-type=none",
        # Webhooks by their endpoints, as on managed clusters: a service without any is told at once, by name.
        f"--enable-aggregator-routing={str(site.has_endpoints).lower()}",
        "--profiling=false",
    ]
    if site.egress_socket is not None:
        command.append(f"--egress-selector-config-file={site.home / 'egress.yaml'}")
    return command


def controller_manager(site: Site) -> list[str]:
    pki = site.pki
    return [
        str(site.bin / "kube-controller-manager"),
        f"--kubeconfig={site.kubeconfig('controller-manager')}",
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={pki / 'sa.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        "--allocate-node-cidrs=false",
        # Every controller is a client of its own; the default of 20 requests a second slows a small cluster's start.
        "--kube-api-qps=100",
        "--kube-api-burst=200",
        "--profiling=false",
    ]


def scheduler(site: Site) -> list[str]:
    return [
        str(site.bin / "kube-scheduler"),
        f"--kubeconfig={site.kubeconfig('scheduler')}",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
    ]


def egress_configuration(socket: Path) -> dict[str, object]:
    """What goes to nodes, pods and services goes through the proxy; etcd and webhooks by URL go directly."""
    transport = {"uds": {"udsName": str(socket)}}
    connection = {"proxyProtocol": "HTTPConnect", "transport": transport}
    return {
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{"name": "cluster", "connection": connection}],
    }
