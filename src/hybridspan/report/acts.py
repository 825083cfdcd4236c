"""What adapters record of themselves, as one line each."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

Document = Mapping[str, Any]

KINDS: Final = ("arm", "kube", "cql", "nodetool", "apigeectl")


def act_text(kind: str, document: Document) -> str | None:
    """The line of a record; None for what is no act, such as a line of a program's output."""
    write = _WRITERS.get(kind)
    if write is None:
        return None
    try:
        return write(document)
    except KeyError:
        # A record of an older or newer release: shown as it is rather than left out.
        return " ".join(f"{key}={value}" for key, value in document.items())


def _arm(document: Document) -> str:
    seconds = f" after {document['seconds']} s" if "seconds" in document else ""
    why = f": {document['why']}" if document.get("why") else ""
    return f"{document['method']} {document['id']}  {document['result']}{seconds}{why}"


def _kube(document: Document) -> str:
    namespace = f" in {document['namespace']}" if document.get("namespace") else ""
    return f"{document['verb']} {document['kind']} {document['name']}{namespace} ({document['cluster']})"


def _cql(document: Document) -> str:
    return f"{document['statement']}  ({document['user']} at {document['node']})"


def _nodetool(document: Document) -> str:
    code = f"  exit {document['code']}" if document.get("code") else ""
    return f"{document['pod']}: {shlex.join(map(str, document['command']))}{code}"


def _program(document: Document) -> str | None:
    if "line" in document:
        return None
    ended = f"  exit {document['code']}" if "code" in document else ""
    return shlex.join(map(str, document["argv"])) + ended


_WRITERS: Final[Mapping[str, Callable[[Document], str | None]]] = {
    "arm": _arm,
    "kube": _kube,
    "cql": _cql,
    "nodetool": _nodetool,
    "apigeectl": _program,
    "helm": _program,
}
