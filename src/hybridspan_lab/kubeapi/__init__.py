"""A small asynchronous client for the Kubernetes API, on plain documents.

The lab's own programs (kubelet, controllers, world) talk to their API servers through it. It knows no kinds:
a resource is named by its API path and plural, for example `("/api/v1", "pods")` or `("/apis/apps/v1", "statefulsets")`.
"""

from hybridspan_lab.kubeapi.access import Access
from hybridspan_lab.kubeapi.answers import ApiError, Document
from hybridspan_lab.kubeapi.client import KubeApi
from hybridspan_lab.kubeapi.paths import object_path
from hybridspan_lab.kubeapi.watching import WatchEvent

__all__ = ["Access", "ApiError", "Document", "KubeApi", "WatchEvent", "object_path"]
