"""The lab's world: one root process that holds the Azure stand-in, the control planes, the kubelets and the network."""
