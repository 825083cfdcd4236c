"""hybridspan takes an Apigee hybrid installation on Azure Kubernetes Service from one region to many."""

__all__ = ["__version__"]

__version__ = "0.1.0"
