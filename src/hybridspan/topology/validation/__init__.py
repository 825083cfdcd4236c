"""Judges a topology before anything live is looked at: every problem at once, each with its place, its reason and the way out."""

from hybridspan.topology.validation.examination import Examination, examine, problems, refuse_errors

__all__ = ["Examination", "examine", "problems", "refuse_errors"]
