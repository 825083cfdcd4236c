"""Which network a lab is on: real ones in user namespaces, or the fall-back on loopback addresses, and what that cannot show."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Final, Literal

from hybridspan.errors import InputError
from hybridspan_lab.sandbox.namespaces import enter_user_namespace
from hybridspan_lab.sandbox.system import NEWNET, unshare

Mode = Literal["namespaces", "loopback"]
Wish = Literal["auto", "namespaces", "loopback"]
SETTING: Final = "HYBRIDSPAN_LAB_NETWORK"
WISHES: Final[tuple[Wish, ...]] = ("auto", "namespaces", "loopback")
WORDS: Final[dict[Mode, str]] = {
    "namespaces": "real networks in user namespaces",
    "loopback": "FALL-BACK on loopback addresses",
}
NOTICE: Final = (
    "lab: FALL-BACK NETWORK in use: pods are plain processes with addresses of 127.0.0.0/8 on this machine's loopback. It cannot "
    "show what peerings, routes and security rules do (nothing is ever closed), nor the topology's own addresses, services' "
    "cluster addresses, full disks, or that nothing leaves the networks."
)
"""The first line of whatever a command of the lab prints while the fall-back is in use."""


def wish() -> Wish:
    """What HYBRIDSPAN_LAB_NETWORK says; InputError HS-LAB-034 for another word."""
    said = os.environ.get(SETTING) or "auto"
    for known in WISHES:
        if said == known:
            return known
    raise InputError(
        "HS-LAB-034",
        f"the lab knows no network called {said!r}",
        where=SETTING,
        hint=f"one of: {', '.join(WISHES)}",
    )


def chosen(wanted: Wish, works: Callable[[], bool] | None = None) -> Mode:
    """The mode for a wish: `auto` takes the real networks where the kernel gives them. `works` asks the kernel."""
    if wanted == "auto":
        return "namespaces" if (works or namespaces_work)() else "loopback"
    return wanted


def namespaces_work() -> bool:
    """Whether this user may make user and network namespaces; tried in a process of its own, which cannot come back."""
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            enter_user_namespace()
            unshare(NEWNET)
            code = 0
        os._exit(code)
    _, status = os.waitpid(child, 0)
    return status == 0
