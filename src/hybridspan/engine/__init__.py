"""Runs a graph of steps: order, lanes, retries, deadlines, cancellation; it does not know what any step means."""
