from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from hybridspan.apigee.charts import OFFICIAL, Charts, location_of
from hybridspan.apigee.definitions import definitions_in, is_established
from hybridspan.errors import PermanentFailure
from hybridspan.topology.loading import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "two-regions" / "hybrid.yaml"


def chart(folder: Path, name: str = "apigee-env", version: str = "1.16.0") -> Path:
    (folder / name / "templates").mkdir(parents=True)
    (folder / name / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: {version}\n")
    return folder / name


async def no_pull(reference: str, version: str, folder: Path) -> None:
    raise AssertionError(f"{reference} is not to be pulled")


def charts(location: Path | str, folder: Path, version: str = "1.16.0", pull=no_pull) -> Charts:
    return Charts(str(location), version, folder / "work", pull)


def test_the_environment_goes_before_the_topology(monkeypatch: pytest.MonkeyPatch):
    topology = load(EXAMPLE)
    assert location_of(topology) == OFFICIAL
    assert location_of(replace(topology, charts="/charts")) == "/charts"
    monkeypatch.setenv("HYBRIDSPAN_CHARTS", "oci://mirror.example/charts")
    assert location_of(replace(topology, charts="/charts")) == "oci://mirror.example/charts"


async def test_a_folder_is_taken_as_it_is(tmp_path: Path):
    made = chart(tmp_path)
    assert await charts(tmp_path, tmp_path).chart("apigee-env") == made


async def test_another_version_is_refused(tmp_path: Path):
    chart(tmp_path, version="1.15.0")
    with pytest.raises(PermanentFailure, match=r"HS-APIGEE-036.*1\.16\.0") as caught:
        await charts(tmp_path, tmp_path).chart("apigee-env")
    assert "is of version 1.15.0" in caught.value.why


async def test_a_packed_chart_is_unpacked(tmp_path: Path):
    with tarfile.open(tmp_path / "apigee-env-1.16.0.tgz", "w:gz") as archive:
        archive.add(chart(tmp_path / "source"), "apigee-env")
    found = await charts(tmp_path, tmp_path).chart("apigee-env")
    assert (found / "Chart.yaml").is_file()


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "link"])
async def test_a_packed_chart_that_reaches_outside_is_refused(tmp_path: Path, name: str):
    with tarfile.open(tmp_path / "apigee-env-1.16.0.tgz", "w:gz") as archive:
        member = tarfile.TarInfo(name)
        if name == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(member)
    with pytest.raises(PermanentFailure, match=f"HS-APIGEE-036.*{name} is no file inside of the chart"):
        await charts(tmp_path, tmp_path).chart("apigee-env")


async def test_a_packed_chart_that_is_cut_short_is_named(tmp_path: Path):
    packed = tmp_path / "apigee-env-1.16.0.tgz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(chart(tmp_path / "source"), "apigee-env")
    packed.write_bytes(packed.read_bytes()[:60])
    with pytest.raises(PermanentFailure, match=r"HS-APIGEE-036.*apigee-env-1\.16\.0\.tgz: "):
        await charts(tmp_path, tmp_path).chart("apigee-env")


async def test_a_registry_is_asked_once(tmp_path: Path):
    pulled: list[str] = []

    async def pull(reference: str, version: str, folder: Path) -> None:
        pulled.append(f"{reference} {version}")
        chart(folder)

    found = charts("oci://registry.example/charts/", tmp_path, pull=pull)
    assert await found.chart("apigee-env") == await found.chart("apigee-env")
    assert pulled == ["oci://registry.example/charts/apigee-env 1.16.0"]


async def test_a_copy_holds_the_files_that_the_overrides_name_and_goes_again(tmp_path: Path):
    made, key = chart(tmp_path), tmp_path / "sa.json"
    key.write_text("{}")
    async with charts(tmp_path, tmp_path).furnished(
        "apigee-env", [("keys/sa.json", key), ("../out.json", key)]
    ) as copy:
        assert (copy / "keys" / "sa.json").read_text() == "{}"
        assert (copy / "keys" / "sa.json").stat().st_mode & 0o777 == 0o600
        assert not (copy.parent / "out.json").exists()
    assert not copy.exists()
    assert not (made / "keys").exists()


DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "a.b"},
}


def kustomization(folder: Path, **more: object) -> None:
    (folder / "crd.yaml").write_text(json.dumps(DEFINITION))
    (folder / "kustomization.yaml").write_text(json.dumps({"resources": ["crd.yaml"], **more}))


async def test_definitions_are_read_from_what_the_kustomization_lists(tmp_path: Path):
    folder = tmp_path / "etc" / "crds" / "default"
    folder.mkdir(parents=True)
    kustomization(folder)
    (folder / "not-listed.yaml").write_text("kind: Other\n")
    assert await definitions_in(tmp_path) == [DEFINITION]


async def test_a_kustomization_that_changes_things_is_left_to_kubectl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "etc" / "crds" / "default"
    folder.mkdir(parents=True)
    kustomization(folder, namePrefix="x-")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PermanentFailure, match=r"HS-APIGEE-037.*kubectl"):
        await definitions_in(tmp_path)


async def test_a_chart_without_definitions_is_refused(tmp_path: Path):
    with pytest.raises(PermanentFailure, match="HS-APIGEE-037"):
        await definitions_in(tmp_path)


def test_a_definition_counts_when_the_server_serves_it():
    served = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}
    assert is_established(served)
    assert not is_established({})
    assert not is_established(None)
