"""What runs inside the lab's Cassandra pods: the node, its tools, its users and schemas, and the fill program."""
