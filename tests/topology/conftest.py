from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hybridspan.topology.problems import Problem
from hybridspan.topology.validation import examine

EXAMPLES = Path(__file__).parents[2] / "examples"

TOPOLOGY = """\
apiVersion: hybridspan/v1
kind: HybridTopology
metadata: {name: trial}
spec:
  organization: hybrid-test-7
  hybridVersion: 1.16.0
  azure:
    subscription: 5a7e0000-0000-4000-8000-000000000001
    resourceGroup: my-hybrid-rg
  regions:
    - name: eastus
      datacenter: dc-1
      network: {addressPrefixes: [10.20.0.0/16]}
      cluster: {serviceCidr: 10.1.0.0/16}
    - name: centralus
      datacenter: dc-2
      network: {addressPrefixes: [10.30.0.0/16]}
      cluster: {serviceCidr: 10.1.0.0/16}
"""

OVERRIDES = """\
instanceID: one
org: hybrid-test-7
namespace: apigee
k8sCluster: {name: apigee-eastus}
cassandra:
  replicaCount: 3
  datacenter: dc-1
"""

Judge = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Judges the trial topology after replacements in its text; overrides by file name, the first region's by default."""

    def examined(*changes: tuple[str, str], overrides: dict[str, str] | None = None) -> tuple[Problem, ...]:
        text = TOPOLOGY
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        (tmp_path / "hybrid.yaml").write_text(text)
        files = {"overrides_apigee-eastus.yaml": OVERRIDES} if overrides is None else overrides
        for name, content in files.items():
            (tmp_path / name).write_text(content)
        return examine(tmp_path / "hybrid.yaml").problems

    return examined


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [p.code.removeprefix("HS-TOPOLOGY-") for p in problems]
