"""`-m long` takes whole files: their tests build on one another, and a long one needs those that prepare."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ASKED_FOR = re.compile(r"(?<!\bnot )\blong\b")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Before pytest's own choice by marks; whoever says `not long`, as CI does, gets what the marks in the files say."""
    if not ASKED_FOR.search(config.option.markexpr):
        return
    functions = [item for item in items if isinstance(item, pytest.Function) and item.path.parent == HERE]
    long = {item.module for item in functions if is_long(item)}
    for item in functions:
        if item.module in long:
            item.add_marker("long")


def is_long(item: pytest.Function) -> bool:
    """By the test itself: where one case of a file's lab is long, the others prepare nothing for it."""
    return any(mark.name == "long" for mark in getattr(item.function, "pytestmark", ()))
