"""What `validate` says: a list for a person, a document for a program."""

from __future__ import annotations

import os
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click

from hybridspan.topology.problems import Problem
from hybridspan.topology.validation import Examination

_COLOURS = {"error": "red", "warning": "yellow"}


def problems_text(file: Path, found: Examination) -> str:
    """Every problem with place, reason and remedy, errors and warnings in the order of the files; then the sum.

    A reason and remedy that several problems in a row share is printed once, after the last of them.
    """
    lines: list[str] = []
    for problem, following in zip_longest(found.problems, found.problems[1:]):
        lines.append(_headline(problem))
        if following is None or _advice(following) != _advice(problem):
            lines += [*_advice(problem), ""]
    return "\n".join([*lines, _sum(file, found)])


def validation_document(file: Path, found: Examination) -> dict[str, Any]:
    """The stable document of `validate --json` (docs/schemas/validate.schema.json)."""
    return {
        "kind": "ValidationResult",
        "apiVersion": "hybridspan/v1",
        "file": str(file),
        "topology": found.topology.name if found.topology else None,
        "valid": not found.errors,
        "errors": len(found.errors),
        "warnings": len(found.warnings),
        "problems": [problem.to_document() for problem in found.problems],
    }


def _headline(problem: Problem) -> str:
    severity = click.style(problem.severity, fg=_COLOURS[problem.severity], bold=True)
    place = _near(problem.file) + (f":{problem.line}" if problem.line else "")
    return f"{place}: {severity} {problem.code}: {problem.message}"


def _advice(problem: Problem) -> list[str]:
    named = (("why", problem.why), ("do", problem.remedy))
    return [f"    {click.style(f'{label:4}', dim=True)} {text}" for label, text in named if text]


def _near(file: Path) -> str:
    """The path as a person in this folder would write it, where that is shorter."""
    relative = os.path.relpath(file)
    return relative if len(relative) < len(str(file)) else str(file)


def _sum(file: Path, found: Examination) -> str:
    errors, warnings = len(found.errors), len(found.warnings)
    counts = f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
    if errors:
        return click.style(f"{file} cannot be used: {counts}", fg="red", bold=True)
    regions = len(found.topology.regions) if found.topology else 0
    return click.style(
        f"{file} is valid ({regions} region{'s' * (regions != 1)}): {counts}", fg="green", bold=True
    )
