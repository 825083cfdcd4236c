"""Immutable snapshots of what is there now; nothing here changes anything or talks to anyone."""
