"""The example topologies that come with the package."""

from __future__ import annotations

from pathlib import Path


def example_directory(name: str) -> Path:
    """The folder of a packaged example such as `two-regions`; FileNotFoundError where there is none."""
    installed = Path(__file__).parent / "packaged_examples" / name
    checkout = Path(__file__).parents[2] / "examples" / name
    for candidate in (installed, checkout):
        if (candidate / "hybrid.yaml").is_file():
            return candidate
    raise FileNotFoundError(f"there is no example called {name!r}")
