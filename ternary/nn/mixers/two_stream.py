from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.linear import Linear
from ternary.nn.module import Module


class TwoStream(Module):
    """out(g * local(norm1(x)) + (1 - g) * memory(norm2(x))), g = sigmoid(gate(norm1(x))), of two mixers.

    v7.4 of the FlashLM family: near tokens by one mixer, far ones by the other. In a Block it takes no norm before it.
    options: those of Linear.
    """
    fuses_residual = True

    def __init__(self, dim: int, norm1: Module, local: Module, norm2: Module, memory: Module, rng: np.random.Generator,
                 **options: Any):
        self.norm1, self.local, self.norm2, self.memory = norm1, local, norm2, memory
        self.gate, self.out = (Linear(dim, dim, rng, **options) for _ in range(2))

    def init_state(self, batch: int) -> tuple[Any, Any]:
        return self.local.init_state(batch), self.memory.init_state(batch)

    def __call__(self, x: Tensor, state: tuple[Any, Any] | None = None, residual: Tensor | None = None) -> Tensor:
        of_local, of_memory = state or (None, None)
        h = self.norm1(x)
        local, memory = self.local(h, of_local), self.memory(self.norm2(x), of_memory)
        both = ops.add(memory, ops.mul(ops.sub(local, memory), ops.sigmoid(self.gate(h))))
        return self.out(both, residual=residual)
