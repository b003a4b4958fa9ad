from typing import Any

from ternary.errors import UsageError
from ternary.ops import QUANTIZERS


def check_sizes(config: Any, *others: str) -> None:
    """UsageError unless vocab_size, layers, dim, hidden and `others` are sizes, and dim and hidden multiples of 16."""
    label = f"[{type(config).__name__}]"
    for name in ("vocab_size", "layers", "dim", "hidden", *others):
        value = getattr(config, name)
        if type(value) is not int or value < 1:
            raise UsageError(f"{label} {name} is {value!r}; wanted a whole number of at least 1")
    for name in ("dim", "hidden"):
        value = getattr(config, name)
        if value % 16:
            near = max(16, round(value / 16) * 16)
            raise UsageError(f"{label} {name} is {value}; wanted a multiple of 16; use {near}")
    if config.vocab_size > 65536:
        raise UsageError(f"{label} vocab_size is {config.vocab_size}; tokens are 16-bit; use at most 65536")


def check_quantizer(config: Any) -> None:
    """UsageError unless quantizer is one of QUANTIZERS."""
    if config.quantizer not in QUANTIZERS:
        raise UsageError(f"[{type(config).__name__}] quantizer is {config.quantizer!r}; "
                         f"use one of {', '.join(QUANTIZERS)}")
