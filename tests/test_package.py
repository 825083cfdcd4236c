"""The package as a whole: what it exports, how quickly it answers, what it says of itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import hybridspan

ROOT = Path(__file__).parents[1]
FORBIDDEN_IN_HELP = {
    "azure",
    "kubernetes",
    "cassandra",
    "pydantic",
    "rich",
    "ruamel",
    "asyncio",
    "hybridspan_lab",
}


def test_exported_names_are_sorted_and_exist() -> None:
    assert sorted(hybridspan.__all__) == hybridspan.__all__
    assert all(hasattr(hybridspan, name) for name in hybridspan.__all__)


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from hybridspan.cli import cli\n"
        "before = set(sys.modules)\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
        "print(' '.join(sorted({m.partition('.')[0] for m in sys.modules})))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not FORBIDDEN_IN_HELP & set(done.stdout.split())


def test_the_repository_names_no_package_registry_and_no_machine() -> None:
    hosts = re.compile(
        r"pypi\.org|pythonhosted|repo1?\.maven|proxy\.golang|registry\.npmjs|crates\.io|/work/|/root/"
    )
    files = [ROOT / name for name in listed() if not name.endswith("test_package.py")]
    found = [str(f) for f in files if f.is_file() and hosts.search(f.read_text(errors="ignore"))]
    assert found == []


def test_the_repository_holds_nothing_that_a_client_kept_for_itself() -> None:
    homes = re.compile(
        r"(^|/)\.(kube|azure|helm|cache|config|cassandra|hybridspan)/|\.key$|(^|/)service-accounts/"
    )
    assert [name for name in listed() if homes.search(name)] == []


def listed() -> list[str]:
    """The paths that git keeps."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name]
