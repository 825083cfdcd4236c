"""Pure functions from topology and facts to a graph of steps, each with its reason; no I/O."""
