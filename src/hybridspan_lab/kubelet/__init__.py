"""A kubelet that runs pods as processes in namespaces of their own, for all nodes of one cluster."""
