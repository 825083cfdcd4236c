"""The lab's virtual networks: routers, pods' addresses, peerings and denials, inside network namespaces only."""
