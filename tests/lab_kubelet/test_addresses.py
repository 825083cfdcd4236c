"""Addresses of a subnet, as Azure hands them out."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from hybridspan_lab.kubelet.addresses import AddressesExhausted, AddressPool

SUBNET = IPv4Network("120.38.1.0/28")


def test_azure_keeps_the_first_four_addresses():
    assert AddressPool(SUBNET).take() == "120.38.1.4"


def test_nodes_addresses_are_not_given_to_pods():
    assert AddressPool(SUBNET, ["120.38.1.4", "120.38.1.5"]).take() == "120.38.1.6"


def test_an_address_given_back_is_not_the_next_one():
    pool = AddressPool(SUBNET)
    pool.give_back(pool.take())
    assert pool.take() == "120.38.1.5"


def test_the_last_address_is_kept_and_a_full_subnet_says_so():
    pool = AddressPool(SUBNET)
    assert [pool.take() for _ in range(11)][-1] == "120.38.1.14"
    with pytest.raises(AddressesExhausted):
        pool.take()


def test_a_freed_address_is_used_when_the_others_are_gone():
    pool = AddressPool(SUBNET)
    taken = [pool.take() for _ in range(11)]
    pool.give_back(taken[3])
    assert pool.take() == taken[3]
