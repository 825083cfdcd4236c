"""`python -m hybridspan_lab.parts` fills the cache, with every release of Cassandra that the lab can run, and says where it is."""

from __future__ import annotations

import os
import sys

from hybridspan.errors import HybridspanError
from hybridspan_lab.parts import ensure
from hybridspan_lab.parts.cassandra import RELEASES, VARIABLE
from hybridspan_lab.parts.progress import TextBar


def main() -> int:
    """Fills the cache; returns the exit code."""
    try:
        for line in RELEASES:
            os.environ[VARIABLE] = line
            parts = ensure(TextBar())
    except HybridspanError as error:
        print(f"{error}\n{error.hint}".strip(), file=sys.stderr)
        return error.exit_code
    print(parts.cache)
    return 0


if __name__ == "__main__":
    sys.exit(main())
