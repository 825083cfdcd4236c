"""Linux namespaces without containers: the lab's own root, and a root file system for each pod's container."""
