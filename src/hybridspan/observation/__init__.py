"""Gathers facts with the adapters, read-only."""
