"""Why a chart cannot be had: from helm's words to one cause with the next move."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure

VARIABLE: Final = "HYBRIDSPAN_CHARTS"
AUTHORITY: Final = "HYBRIDSPAN_CHARTS_CA"


@dataclass(frozen=True, slots=True)
class _Cause:
    signs: re.Pattern[str]
    code: str
    message: str
    hint: str
    passes: bool = False


def _cause(signs: str, code: str, message: str, hint: str, *, passes: bool = False) -> _Cause:
    return _Cause(re.compile(signs, re.IGNORECASE), code, message, hint, passes)


_CAUSES: Final = (
    _cause(
        r"x509|unknown authority|failed to verify certificate|bad certificate",
        "HS-APIGEE-051",
        "the registry {host} shows a certificate that this machine does not trust",
        f"{AUTHORITY} names a file with its authority's certificate (helm's --ca-file); then run again",
    ),
    _cause(
        r"\b401\b|\b403\b|unauthorized|forbidden|access denied|permission denied|credential not found",
        "HS-APIGEE-050",
        "the registry {host} does not let us read {reference}",
        "sign in: helm registry login {host} --username USER --password-stdin < FILE; then run again, with the same helm settings",
    ),
    _cause(
        r"not found|manifest unknown|name unknown|could not locate a version",
        "HS-APIGEE-036",
        "the registry {host} has no {reference} of version {version}",
        f"all regions need charts of one release: mirror that version, or name with spec.charts or {VARIABLE} where it is",
    ),
    _cause(
        r"no such host|connection refused|connection reset|i/o timeout|TLS handshake timeout|network is unreachable|no route to host"
        r"|dial tcp|\b50[0234]\b|\bEOF\b",
        "HS-APIGEE-052",
        "the registry {host} cannot be reached",
        f"see name, port and proxy (HTTPS_PROXY); a folder with the charts in {VARIABLE} needs no registry",
        passes=True,
    ),
)
_UNKNOWN: Final = _cause(
    "",
    "HS-APIGEE-036",
    "chart {reference} {version} cannot be fetched",
    f"helm's words say why; spec.charts (or {VARIABLE}) names another folder or oci:// address",
)


def pull_failure(reference: str, version: str, told: str) -> HybridspanError:
    """The failure of `helm pull`; that a registry does not answer may pass."""
    host = reference.removeprefix("oci://").partition("/")[0]
    cause = next((c for c in _CAUSES if c.signs.search(told)), _UNKNOWN)
    kind = TemporaryFailure if cause.passes else PermanentFailure
    fields = {"host": host, "reference": reference, "version": version}
    return kind(
        cause.code,
        cause.message.format(**fields),
        where=reference,
        why=told,
        hint=cause.hint.format(**fields),
    )
