"""The fall-back on loopback addresses: when it is chosen, and which addresses it gives."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from hybridspan.errors import InputError
from hybridspan_lab.network.loopback import LoopbackRanges
from hybridspan_lab.network.mode import SETTING, chosen, namespaces_work, wish
from hybridspan_lab.sandbox import plain
from hybridspan_lab.sandbox.root import Bind


def test_it_is_taken_where_the_kernel_gives_no_namespaces() -> None:
    assert chosen("auto", works=lambda: False) == "loopback"
    assert chosen("auto", works=lambda: True) == "namespaces"


def test_who_asks_for_one_gets_it() -> None:
    assert chosen("loopback", works=lambda: True) == "loopback"
    assert chosen("namespaces", works=lambda: False) == "namespaces"


def test_asking_the_kernel_leaves_this_process_as_it_is() -> None:
    before = Path("/proc/self/ns/user").readlink()
    assert namespaces_work()
    assert Path("/proc/self/ns/user").readlink() == before


def test_a_setting_that_means_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "bridge")
    with pytest.raises(InputError, match="bridge"):
        wish()


def test_a_subnet_becomes_a_range_of_loopback_that_names_it() -> None:
    ranges = LoopbackRanges()
    assert ranges.of("vnet-1", "120.38.1.0/24") == "127.120.1.0/24"
    assert ranges.of("vnet-2", "192.138.0.0/26") == "127.192.0.0/26"
    assert ranges.of("vnet-1", "120.38.1.0/24") == "127.120.1.0/24"


def test_no_two_subnets_share_a_range() -> None:
    ranges = LoopbackRanges()
    prefixes = ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16", "127.0.0.0/24", "0.0.0.0/24"]
    given = [IPv4Network(ranges.of(f"vnet-{number}", prefix)) for number, prefix in enumerate(prefixes)]
    assert all(network.is_loopback for network in given)
    assert not any(a.overlaps(b) for a in given for b in given if a is not b)
    assert not any(network.overlaps(IPv4Network("127.0.0.0/16")) for network in given)


def test_paths_of_the_container_are_rewritten_and_the_machines_own_are_not(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    binds = [Bind(str(volume), "/opt/apigee/data")]
    root = plain.make(tmp_path / "root", binds, ("/tmp/checkout",))
    words = "test -d /opt/apigee/data/x && f=/tmp/hybridspan; /tmp/checkout/bin/python /opt/apigeectl </opt/apigee/ready"
    inside = str(root.root)
    assert root.rewritten(words) == (
        f"test -d {inside}/opt/apigee/data/x && f={inside}/tmp/hybridspan; /tmp/checkout/bin/python /opt/apigeectl"
        f" <{inside}/opt/apigee/ready"
    )
    assert root.rewritten(root.rewritten(words)) == root.rewritten(words)


def test_a_volume_is_found_below_the_containers_folder(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "rows").write_text("1")
    root = plain.make(tmp_path / "root", [Bind(str(volume), "/opt/apigee/data")], ())
    assert Path(root.path("/opt/apigee/data/rows")).read_text() == "1"
    assert plain.make(tmp_path / "root", [], ()).root.is_dir()
    assert (volume / "rows").exists(), "a new start of the container leaves its volumes alone"
