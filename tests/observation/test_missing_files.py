from __future__ import annotations

import shutil
from pathlib import Path

from hybridspan.observation.findings import missing_files
from hybridspan.topology.loading import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "two-regions"


def test_files_that_overrides_name_must_be_there_before_a_run(tmp_path):
    for name in ("hybrid.yaml", "overrides_apigee-eastus.yaml"):
        shutil.copy(EXAMPLE / name, tmp_path / name)
    found = missing_files(load(tmp_path / "hybrid.yaml"))
    assert {finding.severity for finding in found} == {"refuse"}
    assert any("test-group.crt" in finding.message for finding in found)
    for folder, names in {
        "service-accounts": SERVICE_ACCOUNTS,
        "certs": ("test-group.crt", "test-group.key"),
    }.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text("there")
    assert missing_files(load(tmp_path / "hybrid.yaml")) == []


SERVICE_ACCOUNTS = tuple(
    f"{name}.json" for name in ("mart", "metrics", "runtime", "synchronizer", "udca", "watcher")
)
