from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from hybridspan_lab.controlplane import commands
from hybridspan_lab.controlplane.commands import Site

SITE = Site(
    "aks",
    Path("/home/plane"),
    Path("/bin"),
    IPv4Network("10.1.0.0/16"),
    6443,
    2379,
    2380,
    Path("/run/egress.sock"),
)


def test_the_service_kubernetes_has_the_first_address():
    assert SITE.service_address == "10.1.0.1"


def test_every_program_listens_on_loopback_alone():
    words = [word for program in (commands.etcd, commands.apiserver) for word in program(SITE)]
    assert "--bind-address=127.0.0.1" in words
    assert all("0.0.0.0" not in word for word in words)


def test_rights_are_checked():
    assert "--authorization-mode=Node,RBAC" in commands.apiserver(SITE)


def test_what_goes_into_the_cluster_goes_through_the_proxy():
    configuration = commands.egress_configuration(Path("/run/egress.sock"))
    assert configuration["egressSelections"] == [
        {
            "name": "cluster",
            "connection": {
                "proxyProtocol": "HTTPConnect",
                "transport": {"uds": {"udsName": "/run/egress.sock"}},
            },
        }
    ]
    assert "--egress-selector-config-file=/home/plane/egress.yaml" in commands.apiserver(SITE)


def test_etcd_asks_for_a_certificate():
    assert "--client-cert-auth" in commands.etcd(SITE)


def test_webhooks_are_found_by_endpoints_only_where_there_are_any():
    """Under the fall-back the API server takes no endpoint, and a webhook would never be reached."""
    assert "--enable-aggregator-routing=true" in commands.apiserver(SITE)
    assert "--enable-aggregator-routing=false" in commands.apiserver(replace(SITE, has_endpoints=False))
