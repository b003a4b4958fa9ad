from typing import Any

from ternary import ops
from ternary.autograd.tape import Tensor, recompute
from ternary.nn.module import Module


def add_residual(x: Tensor, layer: Module, h: Tensor, state: Any = None) -> Tensor:
    """x + layer(h), in one pass where the layer can."""
    if layer.fuses_residual:
        return layer(h, state, residual=x)
    return ops.add(x, layer(h, state))


def add_normed(x: Tensor, norm: Module | None, layer: Module, state: Any = None) -> Tensor:
    """x + layer(norm(x)), where norm(x) is not kept for the backward pass."""
    if norm is None:
        return add_residual(x, layer, x, state)
    y = add_residual(x, layer, h := norm(x), state)
    recompute(h, norm, x)
    return y


class Block(Module):
    """x + mixer(norm1(x)), then x + ffn(norm2(x)). A norm is None where the linear maps normalise their own inputs.

    Norms are computed a second time in the backward pass, so they draw no random numbers.
    """

    def __init__(self, norm1: Module | None, mixer: Module, norm2: Module | None, ffn: Module):
        self.norm1, self.mixer, self.norm2, self.ffn = norm1, mixer, norm2, ffn

    def init_state(self, batch: int) -> tuple[Any, Any]:
        return self.mixer.init_state(batch), self.ffn.init_state(batch)

    def __call__(self, x: Tensor, state: tuple[Any, Any] | None = None) -> Tensor:
        of_mixer, of_ffn = state or (None, None)
        return add_normed(add_normed(x, self.norm1, self.mixer, of_mixer), self.norm2, self.ffn, of_ffn)


class Chain(Module):
    """x + layer(norm(x)), for each pair of a norm and a layer in turn: a block of any number of layers."""

    def __init__(self, *pairs: tuple[Module, Module]):
        self.norms, self.layers = [norm for norm, _ in pairs], [layer for _, layer in pairs]

    def init_state(self, batch: int) -> list[Any]:
        return [layer.init_state(batch) for layer in self.layers]

    def __call__(self, x: Tensor, state: list[Any] | None = None) -> Tensor:
        for norm, layer, of_layer in zip(self.norms, self.layers, state or [None] * len(self.layers)):
            x = add_normed(x, norm, layer, of_layer)
        return x
