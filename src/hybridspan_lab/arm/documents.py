"""The state: one JSON file a resource, written to a temporary name and renamed, so that a kill leaves old or new.

Documents are kept whole, as they are answered; children (subnets, peerings, rules, agent pools) are documents of
their own and are put into their parent when it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Document = dict[str, Any]
Documents = Mapping[str, Document]


class DocumentStore:
    """Resources by lower-cased path, in memory and on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._documents: dict[str, Document] = {}
        self._children: dict[str, dict[str, None]] = {}
        for file in sorted(folder.glob("*.json"), key=lambda found: found.stat().st_mtime_ns):
            saved = json.loads(file.read_text())
            self._remember(saved["key"], saved["document"])

    @property
    def all(self) -> Documents:
        """Every document by its key; to be read, not written."""
        return self._documents

    def get(self, key: str) -> Document | None:
        """The document itself; whoever changes it must `put` it again."""
        return self._documents.get(key.rstrip("/").lower())

    def put(self, key: str, document: Document) -> None:
        """Keeps a document, in memory and on disk."""
        key = key.rstrip("/").lower()
        self._remember(key, document)
        write_atomically(self._file(key), json.dumps({"key": key, "document": document}, indent=1))

    def remove(self, key: str) -> None:
        """Forgets a document and everything below it."""
        key = key.rstrip("/").lower()
        for name in [name for name in self._documents if name == key or name.startswith(key + "/")]:
            del self._documents[name]
            self._children[name.rpartition("/")[0]].pop(name, None)
            self._file(name).unlink(missing_ok=True)

    def children(self, key: str) -> Iterator[tuple[str, Document]]:
        """What stands directly under a collection's path, in the order it was created."""
        return iter(
            [(name, self._documents[name]) for name in self._children.get(key.rstrip("/").lower(), ())]
        )

    def below(self, key: str) -> Iterator[tuple[str, Document]]:
        """Everything under a path, at any depth."""
        prefix = key.rstrip("/").lower() + "/"
        return iter([pair for pair in self._documents.items() if pair[0].startswith(prefix)])

    def of_type(self, full_type: str) -> Iterator[tuple[str, Document]]:
        """All resources of a type, whatever its case."""
        wanted = full_type.lower()
        return iter(
            [pair for pair in self._documents.items() if str(pair[1].get("type", "")).lower() == wanted]
        )

    def _remember(self, key: str, document: Document) -> None:
        self._documents[key] = document
        self._children.setdefault(key.rpartition("/")[0], {})[key] = None

    def _file(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def write_atomically(file: Path, text: str, mode: int = 0o600) -> None:
    """Replaces a file in one step; a reader or a crash sees the old text or the new."""
    partial = file.with_name(f".{file.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    os.replace(partial, file)
