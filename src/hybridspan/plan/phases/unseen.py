"""What a decision says of clusters that it cannot see."""

from __future__ import annotations

from typing import Final

NOT_YET: Final = "no cluster runs there yet"
FIRST_NOT_SEEN: Final = "the first region's cluster is not seen"
