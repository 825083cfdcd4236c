"""Fetches pinned artifacts over a few connections; an interrupted download goes on where it stopped."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from hybridspan.errors import TemporaryFailure
from hybridspan_lab.parts.artifacts import Artifact
from hybridspan_lab.parts.progress import Progress

CONNECTIONS: Final = 6
ATTEMPTS: Final = 5
TIMEOUT: Final = (15, 60)
"""Seconds until a connection stands, and between two bytes of an answer."""


def repository() -> str:
    """URL of the Maven repository: HYBRIDSPAN_MAVEN_REPOSITORY, or the public one as jgo knows it."""
    from jgo.constants import MAVEN_CENTRAL_URL

    return (os.environ.get("HYBRIDSPAN_MAVEN_REPOSITORY") or str(MAVEN_CENTRAL_URL)).rstrip("/")


def fetch_all(artifacts: Sequence[Artifact], folder: Path, part: str, progress: Progress) -> None:
    """Brings every artifact into the folder, each whole and checked; those already there are left alone.

    Raises TemporaryFailure HS-LAB-001 when the repository cannot be reached or keeps sending other bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(artifact.size for artifact in artifacts)
    received: dict[str, int] = {}

    def report(artifact: Artifact, size: int) -> None:
        received[artifact.file_name] = size
        progress(part, sum(received.copy().values()), total)

    with _session() as session, ThreadPoolExecutor(CONNECTIONS) as pool:
        for done in [pool.submit(_fetch, session, artifact, folder, report) for artifact in artifacts]:
            done.result()


def _session() -> requests.Session:
    session = requests.Session()
    retries = Retry(total=ATTEMPTS, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504))
    session.mount("https://", HTTPAdapter(max_retries=retries, pool_maxsize=CONNECTIONS))
    # requests reads REQUESTS_CA_BUNDLE by itself, but not the variable that OpenSSL and curl builds use.
    if "REQUESTS_CA_BUNDLE" not in os.environ and (bundle := os.environ.get("SSL_CERT_FILE")):
        session.verify = bundle
    return session


def _fetch(
    session: requests.Session, artifact: Artifact, folder: Path, report: Callable[[Artifact, int], None]
) -> None:
    target = folder / artifact.file_name
    if not artifact.is_whole(target):
        _receive_until_whole(session, artifact, target, report)
    report(artifact, artifact.size)


def _receive_until_whole(
    session: requests.Session, artifact: Artifact, target: Path, report: Callable[[Artifact, int], None]
) -> None:
    partial = target.with_suffix(".part")
    reason = ""
    for _ in range(ATTEMPTS):
        try:
            _receive(session, artifact, partial, report)
        except requests.RequestException as error:
            reason = str(error)
            continue
        if artifact.is_whole(partial):
            partial.replace(target)
            return
        reason = "what came does not have the pinned SHA-256"
        if partial.stat().st_size >= artifact.size:
            partial.unlink()
    raise TemporaryFailure(
        "HS-LAB-001",
        f"{artifact.file_name} could not be fetched",
        where=repository(),
        why=reason,
        hint="look at the connection and at HYBRIDSPAN_MAVEN_REPOSITORY, then start again: it goes on where it was",
    )


def _receive(
    session: requests.Session, artifact: Artifact, partial: Path, report: Callable[[Artifact, int], None]
) -> None:
    begin = partial.stat().st_size if partial.exists() else 0
    if begin >= artifact.size:
        return
    headers = {"Range": f"bytes={begin}-"} if begin else {}
    url = f"{repository()}/{artifact.path}"
    with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        answer.raise_for_status()
        # A server that does not know Range answers 200 with the whole file.
        resumed = answer.status_code == requests.codes.partial_content
        with partial.open("ab" if resumed else "wb") as stream:
            for piece in answer.iter_content(1 << 16):
                stream.write(piece)
                report(artifact, stream.tell())
