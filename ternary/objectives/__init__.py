"""Objectives: what training minimises, one file each. A file here registers its class in OBJECTIVES."""
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term, trained_parameters

__all__ = ["OBJECTIVES", "Batch", "Objective", "Term", "trained_parameters"]
