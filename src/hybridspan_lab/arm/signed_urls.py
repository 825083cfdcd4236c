"""The URLs of operations: long, signed as a whole, and with an api-version of their own. Clients must use them as they are."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

API_VERSIONS: Final = {"microsoft.network": "2024-03-01", "microsoft.containerservice": "2025-03-01"}
OTHER_API_VERSION: Final = "2018-02-01"
CERTIFICATE_FILLER: Final = "MIIHlab" + "hybridspan" * 120
"""Azure's URLs carry a certificate of about 3 kB; clients must cope with the length."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes URLs that only this lab can have made."""

    key: bytes

    def urls(self, root: str, operation_id: str, started: str, base: str) -> tuple[str, str]:
        """The status URL and the result URL of an operation below `root`."""
        return (
            self._url(f"{root}/operations/{operation_id}", operation_id, started, base),
            self._url(f"{root}/operationResults/{operation_id}", operation_id, started, base),
        )

    def _url(self, path: str, operation_id: str, started: str, base: str) -> str:
        namespace = path.split("/")[4].lower()
        version = API_VERSIONS.get(namespace, OTHER_API_VERSION)
        url = f"{path}?api-version={version}&t={_ticks(started)}&c={CERTIFICATE_FILLER}"
        return f"{base}{url}&s={self._signature(operation_id)}&h={self._signature(url)}"

    def _signature(self, text: str) -> str:
        return hmac.digest(self.key, text.encode(), hashlib.sha256).hex()


def query_of(url: str) -> dict[str, str]:
    """The query of a URL."""
    return dict(parse_qsl(urlsplit(url).query))


def _ticks(moment: str) -> int:
    """Tenths of microseconds since year 1, as Azure stamps its URLs."""
    return int(
        (dt.datetime.fromisoformat(moment) - dt.datetime(1, 1, 1, tzinfo=dt.UTC)).total_seconds() * 10**7
    )
