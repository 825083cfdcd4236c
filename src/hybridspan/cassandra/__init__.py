"""The only room that imports the Cassandra driver and speaks nodetool."""
