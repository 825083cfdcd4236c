"""The only room that imports the Kubernetes client."""
