"""Proves that data centers hold the same data; changes nothing."""
