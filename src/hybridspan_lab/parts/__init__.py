"""What the lab is made of, fetched or built once into a cache: Java, Cassandra, Kubernetes, helm.

`ensure()` is all that others need. It is quick when the cache is full, and two processes that need it at the
same moment fill it once: the second waits for the first.
"""

from hybridspan_lab.parts.cache import Parts, ensure, is_complete
from hybridspan_lab.parts.progress import Progress, silent

__all__ = ["Parts", "Progress", "ensure", "is_complete", "silent"]
