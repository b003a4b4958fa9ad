from dataclasses import replace
from typing import Any

from ternary.errors import UsageError
from ternary.models.lm import LM
from ternary.nn.module import Module, Parameter


def short_twin(model: LM, seed: int = 0, **changes: Any) -> LM:
    """A new model like this one, of as few layers as have every kind of block that it has.

    It runs the same kernels in less time. changes: of the config, such as vocab_size.
    """
    wanted = {kind(block) for block in model.blocks}
    for layers in range(1, model.config.layers):
        try:
            twin = type(model)(replace(model.config, **{**changes, "layers": layers}), seed)
        except UsageError:                            # a config that needs more of them
            continue
        if {kind(block) for block in twin.blocks} >= wanted:
            return twin
    return type(model)(replace(model.config, **changes), seed)


def kind(block: Module) -> tuple:
    """Classes, shapes and settings of a block and what is in it; blocks of a kind differ in numbers such as weights."""
    found: list[Any] = []
    for name, module in block.named_modules():
        found.append((name, type(module).__qualname__))
        for key, value in vars(module).items():
            if isinstance(value, Parameter):
                found.append((key, value.shape))
            elif isinstance(value, int | str | None):
                found.append((key, value))
    return tuple(found)
