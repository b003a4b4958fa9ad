from typing import Any

import numpy as np

from ternary.autograd.tape import Tensor
from ternary.nn.module import Module


class Block(Module):
    """x + mixer(norm1(x)), then x + ffn(norm2(x)). A norm is None where the linear maps norm their own inputs."""

    def __init__(self, norm1: Module | None, mixer: Module, norm2: Module | None, ffn: Module):
        self.norm1, self.mixer, self.norm2, self.ffn = norm1, mixer, norm2, ffn

    def __call__(self, x: Tensor, length: int) -> Tensor:
        x = self.mixer(self.norm1(x) if self.norm1 else x, length, residual=x)
        return self.ffn(self.norm2(x) if self.norm2 else x, residual=x)

    def init_state(self, batch: int) -> Any:
        return self.mixer.init_state(batch)

    def step(self, x: np.ndarray, state: Any) -> np.ndarray:
        x = x + self.mixer.step(self.norm1.step(x) if self.norm1 else x, state)
        return x + self.ffn.step(self.norm2.step(x) if self.norm2 else x)
