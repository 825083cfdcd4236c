"""Writes the charts of one hybrid version into a folder, each unpacked as `helm pull --untar` leaves it.

They are the lab's own: names, order, values, hooks and resources are the documented ones, their text is not. Every chart
is whole in itself, so that one may be copied or pulled alone.
"""

from __future__ import annotations

import json
import shutil
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from hybridspan_lab.helm import definitions

REPOSITORY: Final = "apigee-hybrid-helm-charts"
"""Below which name a registry has them."""
CHARTS: Final = (
    "apigee-operator",
    "apigee-datastore",
    "apigee-telemetry",
    "apigee-redis",
    "apigee-ingress-manager",
    "apigee-org",
    "apigee-env",
    "apigee-virtualhost",
)
"""In the order in which they are installed."""
CRDS: Final = Path("apigee-operator") / "etc" / "crds" / "default"
_SHARED: Final = {
    "_common.tpl": "templates/_common.tpl",
    "values.yaml": "values.yaml",
    "values.schema.json": "values.schema.json",
}


def write(folder: Path, version: str) -> None:
    """Writes all charts; what was there of them before is replaced."""
    for chart in CHARTS:
        target = folder / chart
        shutil.rmtree(target, ignore_errors=True)
        _copy(_data() / chart, target)
        for source, place in _SHARED.items():
            (target / place).write_text((_data() / source).read_text())
        (target / "Chart.yaml").write_text(_chart_file(chart, version))
    _write_definitions(folder / CRDS, version)


def _data() -> Traversable:
    return resources.files(__package__) / "charts"


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, target / entry.name)
        else:
            (target / entry.name).write_bytes(entry.read_bytes())


def _chart_file(chart: str, version: str) -> str:
    document = {
        "apiVersion": "v2",
        "name": chart,
        "description": f"Rehearsal of the chart {chart}: documented names and values, a stand-in behind them.",
        "type": "application",
        "version": version,
        "appVersion": version,
    }
    # JSON is YAML.
    return json.dumps(document, indent=1)


def _write_definitions(folder: Path, version: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for document in definitions.all_definitions(version):
        name = f"customresourcedefinition-{document['metadata']['name']}.yaml"
        (folder / name).write_text(json.dumps(document, indent=1))
        files.append(name)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": files,
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization, indent=1))
