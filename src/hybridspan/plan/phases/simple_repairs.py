"""What the journal keeps of the keyspaces that left SimpleStrategy: which are owed a repair, and which have had it.

A keyspace's name is a value there and never a key: the journal writes down no text under a key such as `oauth_token`, which it
takes for a secret's, and what stood there was no debt any more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

SIMPLE_KEY: Final = "simple-keyspaces"
"""Where it is kept."""


@dataclass(frozen=True, slots=True)
class SimpleRepairs:
    """The names of the keyspaces by what has become of them since."""

    owed: frozenset[str] = frozenset()
    """Altered, or about to be, and not repaired since."""
    made: frozenset[str] = frozenset()

    @classmethod
    def read(cls, document: Mapping[str, Any] | None) -> SimpleRepairs:
        """From what is kept. Formerly each name was a key: what is not `repaired` there, masked or not, is owed."""
        kept = document or {}
        formerly = {name: state for name, state in kept.items() if isinstance(state, str)}
        made = {name for name, state in formerly.items() if state == "repaired"}
        return cls(_names(kept, "altered") | (formerly.keys() - made), _names(kept, "repaired") | made)

    def to_document(self) -> Mapping[str, Any]:
        return {"altered": sorted(self.owed), "repaired": sorted(self.made)}

    def altered(self, names: Collection[str]) -> SimpleRepairs:
        """As it is once these are altered: whatever was repaired of them before, now they are owed one."""
        return SimpleRepairs(self.owed | set(names), self.made - set(names))

    def repaired(self, names: Collection[str]) -> SimpleRepairs:
        """As it is once these have been repaired."""
        return SimpleRepairs(self.owed - set(names), self.made | set(names))


def _names(kept: Mapping[str, Any], state: str) -> frozenset[str]:
    names = kept.get(state)
    return frozenset(names) if isinstance(names, list) else frozenset()
