"""The rehearsal lab: real Cassandra and Kubernetes, a stand-in for what cannot be had. The product never imports it."""
