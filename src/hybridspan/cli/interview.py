"""The questions of `init`, and where their answers come from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from hybridspan.errors import InputError

QUESTIONS: Mapping[str, tuple[str, str | None]] = {
    "name": ("Name of this topology", "hybrid"),
    "organization": ("Apigee organization", None),
    "hybrid-version": ("Apigee hybrid release that is installed, such as 1.11.2", None),
    "mode": ("active-active or active-passive", "active-active"),
    "subscription": ("Azure subscription id (az account show --query id)", None),
    "resource-group": ("Resource group", None),
    "namespace": ("Kubernetes namespace of the runtime", "apigee"),
    "cassandra-cluster": ("Name of the Cassandra cluster", "apigeecluster"),
    "replication-factor": ("Replicas in each data center", "3"),
    "existing-region": ("Azure location of the existing region, such as eastus", None),
    "datacenter": ("Its Cassandra data center", "dc-1"),
    "rack": ("Its Cassandra rack", "ra-1"),
    "nodes": ("Its Cassandra nodes", "3"),
    "network": ("Name of its virtual network", "{resource-group}-vnet"),
    "network-range": ("Range(s) of that network", None),
    "subnet": ("Name of the cluster's subnet", "{network}-subnet"),
    "subnet-range": ("Range of that subnet", "{network-range}"),
    "cluster": ("Name of its AKS cluster", "apigee-{existing-region}"),
    "service-cidr": ("Its service range", "10.0.0.0/16"),
    "overrides": ("Its overrides file", "overrides_{cluster}.yaml"),
}
"""Each question with its default; a default may name earlier answers. Every question is an option too."""


class Interview:
    """Answers from options, from what was found, from the person, from the defaults; in this order."""

    def __init__(self, given: dict[str, str], no_questions: bool) -> None:
        self.answers = dict(given)
        self.found: Mapping[str, str] = {}
        self.asks = not no_questions and sys.stdin.isatty()
        self._missing: list[str] = []

    def answer(self, name: str, check: Callable[[str], Any] = str) -> Any:
        """The checked answer; InputError for an option that does not pass, another try for a person."""
        if name not in self.answers:
            self.answers[name] = self._ask(name, check)
        try:
            return check(self.answers[name])
        except ValueError as wrong:
            raise InputError(
                "HS-TOPOLOGY-071",
                f"--{name} cannot be used: {wrong}",
                where=self.answers[name],
                hint=f"give --{name} another value; hybridspan init --help says what it takes",
            ) from wrong

    def _ask(self, name: str, check: Callable[[str], Any]) -> str:
        question, template = QUESTIONS[name]
        default = self.found.get(name) or (template.format_map(self.answers) if template else None)
        if self.asks:
            return str(click.prompt(question, default=default, value_proc=_checked(check), err=True))
        if default is None:
            raise InputError(
                "HS-TOPOLOGY-072",
                f"init needs --{name}, and there is nobody to ask",
                why=f"{question}; it has no default",
                hint="give the option, or run init on a terminal",
            )
        return default


def _checked(check: Callable[[str], Any]) -> Callable[[str], str]:
    def keep(text: str) -> str:
        try:
            check(text)
        except ValueError as wrong:
            raise click.UsageError(str(wrong)) from wrong
        return text

    return keep
