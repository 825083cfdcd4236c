"""A folder for the PYTHONPATH of pods that have no resolver of their own: Python loads `sitecustomize` from it."""
