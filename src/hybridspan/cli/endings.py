"""How a command ends: the one place where failures become words for a person and an exit code for a script."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence

import click

from hybridspan.cli.interruption import tell
from hybridspan.errors import (
    EXIT_FAILED,
    EXIT_INPUT,
    EXIT_INTERRUPTED,
    HybridspanError,
    InputError,
    first_failure,
)


def ended(command: Callable[[], int], arguments: Sequence[str]) -> int:
    """The exit code; the reason of a failure goes to stderr, with `--json` also as a document to stdout."""
    try:
        return command()
    except click.exceptions.Exit as request:
        return request.exit_code
    except click.ClickException as error:
        error.show()
        _to_stdout(_usage(error), arguments)
        return EXIT_INPUT if isinstance(error, click.UsageError) else error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _interrupted(arguments)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except BaseExceptionGroup as group:
        return _end_of_group(group, arguments)
    except Exception as error:  # noqa: BLE001 - the edge: a defect must not show a traceback to a person
        return show(_in_words(error), arguments)


def _end_of_group(group: BaseExceptionGroup[BaseException], arguments: Sequence[str]) -> int:
    """Tasks fail together; the first failure with words is the one to tell."""
    first = first_failure(group)
    if isinstance(first, KeyboardInterrupt):
        return _interrupted(arguments)
    return show(_in_words(first), arguments)


def show(error: HybridspanError, arguments: Sequence[str] = ()) -> int:
    """Print a failure: what, where, why and the next move."""
    lines = [
        click.style("Error ", fg="red", bold=True) + click.style(error.code, bold=True) + f"  {error.message}"
    ]
    lines += [f"  {label:6} {text}" for label, text in _details(error) if text]
    click.echo("\n".join(lines), err=True)
    _to_stdout(error, arguments)
    return error.exit_code


def _to_stdout(error: HybridspanError, arguments: Sequence[str]) -> None:
    """The document of error.schema.json, for whoever asked for one."""
    if "--json" in arguments:
        click.echo(json.dumps({"error": error.to_document()}, indent=2))


def _interrupted(arguments: Sequence[str]) -> int:
    tell(arguments)
    return EXIT_INTERRUPTED


def _usage(error: click.ClickException) -> HybridspanError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "hybridspan"
    return InputError(
        "HS-CLI-012",
        "the command line cannot be used",
        where=command,
        why=error.format_message(),
        hint=f"{command} --help",
    )


def _details(error: HybridspanError) -> tuple[tuple[str, str], ...]:
    return (("where", error.where), ("why", error.why), ("next", error.hint))


def _in_words(error: BaseException) -> HybridspanError:
    if isinstance(error, HybridspanError):
        return error
    # Adapters translate what their libraries raise; what is left names a file that the person named, or its folder.
    if isinstance(error, OSError) and error.filename and error.strerror:
        return InputError(
            "HS-CLI-014",
            "a file cannot be read or written",
            where=os.fsdecode(error.filename),
            why=error.strerror,
            hint="see that its folder exists, that you may write there (ls -ld) and that the disk has room (df -h)",
        )
    return _internal(error)


def _internal(error: BaseException) -> HybridspanError:
    descriptor, path = tempfile.mkstemp(prefix="hybridspan-defect-", suffix=".txt")
    with os.fdopen(descriptor, "w") as file:
        file.write("".join(traceback.format_exception(error)))
    return HybridspanError(
        "HS-CLI-900",
        "hybridspan has a defect here",
        why=f"{type(error).__name__}: {error}",
        hint=f"nothing is lost: run the command again. The details are in {path}; please report them",
    )
