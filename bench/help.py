"""`hybridspan --help` beside the same interpreter that does nothing, or only imports click: the ratios are what counts."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 20
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import click": [sys.executable, "-c", "import click"],
    "hybridspan --help": [sys.executable, "-m", "hybridspan", "--help"],
}


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Rounds alternate, so that a busy machine disturbs both alike; the medians are compared."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    for name, median in medians.items():
        print(f"{name:20} {median * 1000:6.0f} ms (best {min(taken[name]) * 1000:.0f} ms)")
    nothing, library, whole = medians.values()
    print(f"{'to nothing':20} {whole / nothing:6.2f} times")
    print(f"{'to the library':20} {whole / library:6.2f} times")


if __name__ == "__main__":
    main()
