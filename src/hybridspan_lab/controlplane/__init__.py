"""A cluster's control plane: real etcd, kube-apiserver, controller manager and scheduler, on loopback."""

from hybridspan_lab.controlplane.plane import ControlPlane
from hybridspan_lab.controlplane.programs import Program

__all__ = ["ControlPlane", "Program"]
