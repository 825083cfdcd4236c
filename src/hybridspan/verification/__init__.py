"""Compares data centers: what each replica holds, range by range. Changes nothing; mending is a step."""
