"""What the commands say and print that need nothing live."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import click
import jsonschema
import pytest

from hybridspan.cli import cli, main
from hybridspan.cli.plan import plan
from hybridspan.errors import EXIT_OK

ROOT = Path(__file__).parents[2]
INIT = (
    *("--organization", "hybrid-test-7", "--hybrid-version", "1.12.0", "--resource-group", "rg"),
    *("--subscription", "5a7e0000-0000-4000-8000-000000000001", "--existing-region", "eastus"),
    *("--network-range", "10.40.0.0/20", "--add-region", "centralus", "--no-questions"),
)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def hybridspan(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return int(end.value.code or 0)


def satisfies(name: str, document: object) -> None:
    schema = json.loads((ROOT / "docs" / "schemas" / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)


def test_init_tells_what_it_wrote(capsys):
    assert hybridspan("init", *INIT, "--json") == EXIT_OK
    document = json.loads(capsys.readouterr().out)
    satisfies("init", document)
    assert document["regions"] == ["eastus", "centralus"]


def test_a_support_bundle_tells_what_it_holds(capsys):
    hybridspan("init", *INIT)
    capsys.readouterr()
    assert hybridspan("support-bundle", "--offline", "--json", "--output", "bundle.tar.gz") == EXIT_OK
    document = json.loads(capsys.readouterr().out)
    satisfies("support-bundle", document)
    with tarfile.open("bundle.tar.gz") as archive:
        names = sorted(name.removeprefix("hybridspan-support/") for name in archive.getnames())
    assert names == document["parts"] == ["journal.jsonl", "topology.yaml", "versions.json"]


def test_the_help_names_every_export_and_every_fault(capsys):
    from hybridspan_lab.arm.faults import KINDS

    hybridspan("plan", "--help")
    told = capsys.readouterr().out
    assert [
        name for name in ("runbook.md", "run.sh", "bicep", "terraform", "manifests") if name not in told
    ] == []
    hybridspan("lab", "fault", "azure", "--help")
    told = capsys.readouterr().out.replace(",", " ").replace(".", " ").split()
    assert [kind for kind in KINDS if kind not in told] == []


def commands(group, name="hybridspan"):
    """Every command below a group with its whole name."""
    for word in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), word)
        yield f"{name} {word}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {word}")


def test_every_option_says_what_it_is():
    mute = [
        (name, option.opts)
        for name, command in commands(cli)
        for option in command.params
        if isinstance(option, click.Option) and not option.help and not option.hidden
    ]
    assert mute == []


def test_every_command_of_a_list_is_told_whole():
    lists = [group for _, group in commands(cli) if isinstance(group, click.Group)]
    told = [c.get_short_help_str(60) for g in lists for c in g.commands.values() if not c.hidden]
    assert [words for words in told if words.endswith("...")] == []
    assert len(told) == 8


def test_a_command_that_takes_a_topology_says_which_it_takes_unasked():
    taking = [
        command for _, command in commands(cli) if any(p.name == "topology_file" for p in command.params)
    ]
    assert len(taking) == 7
    assert all("hybrid.yaml" in (command.epilog or "") for command in taking)


def test_commands_complete_in_the_shell(capsys, monkeypatch):
    monkeypatch.setenv("_HYBRIDSPAN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "hybridspan sup")
    monkeypatch.setenv("COMP_CWORD", "1")
    hybridspan()
    assert capsys.readouterr().out.split() == ["plain,support-bundle"]


@pytest.mark.parametrize(
    "words",
    [
        ("--export", "manifests", "out", "--export", "run.sh"),
        ("--export", "run.sh", "--export", "manifests", "out"),
    ],
)
def test_manifests_take_a_folder_beside_other_exports(words):
    context = plan.make_context("plan", ["hybrid.yaml", *words])
    assert (context.params["folder"], context.params["exports"]) == (Path("out"), (Path("run.sh"),))


def test_manifests_without_a_folder_are_refused():
    with pytest.raises(click.UsageError, match="requires an argument"):
        plan.make_context("plan", ["hybrid.yaml", "--export", "manifests"])
