"""One module a phase: check, act, verify; none knows of another."""
