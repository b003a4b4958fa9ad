"""Optimizers, one file each. A file here registers its class; `--optimizer my.py:Name` takes one from outside."""
from ternary.training.optimizers.base import OPTIMIZERS, Optimizer

__all__ = ["OPTIMIZERS", "Optimizer"]
