"""Optimizers, one file each. A file here registers its class; `--optimizer my.py:Name` takes one from outside."""
from ternary.errors import ModelFileError
from ternary.nn.module import Parameter
from ternary.training.optimizers.base import OPTIMIZERS, Optimizer

__all__ = ["OPTIMIZERS", "Optimizer", "moment_shapes"]


def moment_shapes(settings: dict, parameters: dict[str, Parameter]) -> dict[str, tuple[int, ...]]:
    """Shapes of the optimizer's tensors in a checkpoint of a run with these settings."""
    name = settings.get("optimizer") if isinstance(settings, dict) else None
    if not isinstance(name, str):
        raise ModelFileError(f"state.json names no optimizer; use {' or '.join(OPTIMIZERS.names())}")
    return OPTIMIZERS.get(name).moment_shapes(parameters)
