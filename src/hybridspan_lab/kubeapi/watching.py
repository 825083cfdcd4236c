"""Watches: every object of a kind, and each change of one, through lost connections and expired versions."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hybridspan_lab.kubeapi.answers import ApiError, Document, complete_items
from hybridspan_lab.kubeapi.connection import Connection

EventKind = Literal["ADDED", "MODIFIED", "DELETED"]

WATCH_SECONDS: Final = 290
LONGEST_PAUSE: Final = 5.0


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change of one object, as `watch` reports it."""

    kind: EventKind
    object: Document


async def watch(
    connection: Connection,
    path: str,
    query: Mapping[str, str],
    on_synced: Callable[[], None] | None = None,
) -> AsyncIterator[WatchEvent]:
    """Every object once as ADDED, then each change, for ever.

    A lost connection or an expired version leads to a new list; what vanished meanwhile comes as DELETED.
    `on_synced` is called after each full list. The first list's refusal is raised, later ones are retried.
    """
    known: dict[str, Document] = {}
    listed = False
    pause = 0.1
    while True:
        try:
            answer = await connection.request("GET", path, query=query)
            for event in differences(known, complete_items(answer)):
                yield event
            listed, pause = True, 0.1
            if on_synced is not None:
                on_synced()
            version = answer["metadata"]["resourceVersion"]
            async with contextlib.aclosing(_changes(connection, path, query, version)) as events:
                async for event in events:
                    remember(known, event)
                    yield event
        except ApiError as error:
            if not listed and error.status not in (0, 429, 500, 503):
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def _changes(
    connection: Connection, path: str, query: Mapping[str, str], version: str
) -> AsyncGenerator[WatchEvent, None]:
    """Changes after `version` until the server ends the stream, bookmarks left out."""
    wanted = {
        **query, "watch": "1", "resourceVersion": version,
        "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_SECONDS),
    }  # fmt: skip
    async with contextlib.aclosing(connection.stream(path, wanted, WATCH_SECONDS)) as lines:
        async for line in lines:
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            if event["type"] != "BOOKMARK":
                yield WatchEvent(event["type"], event["object"])


def differences(known: dict[str, Document], items: list[Document]) -> list[WatchEvent]:
    """What a new list changes against what is known; `known` is brought up to date."""
    fresh = {item["metadata"]["uid"]: item for item in items}
    events = [WatchEvent("DELETED", known[uid]) for uid in known if uid not in fresh]
    for uid, item in fresh.items():
        if uid not in known:
            events.append(WatchEvent("ADDED", item))
        elif known[uid]["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
            events.append(WatchEvent("MODIFIED", item))
    known.clear()
    known.update(fresh)
    return events


def remember(known: dict[str, Document], event: WatchEvent) -> None:
    """Bring `known` up to date with one change."""
    uid = event.object["metadata"]["uid"]
    if event.kind == "DELETED":
        known.pop(uid, None)
    else:
        known[uid] = event.object
