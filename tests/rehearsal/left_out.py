"""Runs `hybridspan` as if keyspaces on SimpleStrategy were none of its business: what the first ALTER phase is for.

Only a rehearsal starts this. The plan then has nothing to do in that phase, and the later ALTER phases, which refuse a keyspace
on SimpleStrategy, say that they come later instead; everything else is as ever.
"""

from __future__ import annotations

import runpy
import sys

from hybridspan.plan.model import Decision, later
from hybridspan.plan.phases import keyspaces


def main() -> None:
    def nothing(_ring: object) -> tuple[()]:
        return ()

    def postponed(*_: object) -> Decision:
        return later("the first ALTER phase was left out")

    keyspaces.simple_alterations = nothing
    keyspaces._unsuited = postponed
    sys.argv = ["hybridspan", *sys.argv[1:]]
    runpy.run_module("hybridspan", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
