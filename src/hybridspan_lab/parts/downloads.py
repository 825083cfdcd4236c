"""Fetches pinned artifacts over a few connections; an interrupted download goes on where it stopped."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

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
        try:
            for done in [pool.submit(_fetch, session, artifact, folder, report) for artifact in artifacts]:
                done.result()
        finally:
            # What one could not fetch, the others behind it need not try.
            pool.shutdown(cancel_futures=True)


class _SystemTrust(HTTPAdapter):
    """Trusts the system's authorities beside those that requests brings along, as pip does.

    A network whose proxy opens TLS has its authority there, or where SSL_CERT_FILE says.
    """

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=ssl.create_default_context(), **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=ssl.create_default_context(), **options)


def _session() -> requests.Session:
    session = requests.Session()
    # A certificate that is not trusted now is not trusted a moment later: no other errors are retried.
    retries = Retry(total=ATTEMPTS, other=0, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504))
    session.mount("https://", _SystemTrust(max_retries=retries, pool_maxsize=CONNECTIONS))
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
        except requests.exceptions.SSLError as error:
            reason = str(error)
            break
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
