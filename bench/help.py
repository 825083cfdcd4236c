"""`hybridspan --help` beside the same interpreter that only imports click: the ratio is what the program adds."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 20
COMMANDS = {
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
    bare, whole = medians.values()
    print(f"{'ratio':20} {whole / bare:6.2f}")


if __name__ == "__main__":
    main()
