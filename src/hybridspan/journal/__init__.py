"""The record of runs, the lock and redaction; it does not know Azure, Kubernetes or Cassandra."""
