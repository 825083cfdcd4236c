"""The example topologies that come with the package."""

from __future__ import annotations

from pathlib import Path

_FOLDERS = (Path(__file__).parent / "packaged_examples", Path(__file__).parents[2] / "examples")
"""In an installed package, and in a checkout."""


def example_directory(name: str) -> Path:
    """The folder of a packaged example such as `two-regions`; FileNotFoundError where there is none."""
    for folder in _FOLDERS:
        if (folder / name / "hybrid.yaml").is_file():
            return folder / name
    raise FileNotFoundError(f"there is no example called {name!r}")


def example_names() -> list[str]:
    """All that there are."""
    return sorted({path.parent.name for folder in _FOLDERS for path in folder.glob("*/hybrid.yaml")})
