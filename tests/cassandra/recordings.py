"""What nodetool of Cassandra 4.0.18 printed, with the examples' addresses."""

from pathlib import Path


def recorded(name: str) -> str:
    return (Path(__file__).parent / "recorded" / f"{name}.txt").read_text()
