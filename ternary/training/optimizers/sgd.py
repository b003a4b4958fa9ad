from typing import Any

import numpy as np

from ternary.nn.module import Parameter
from ternary.training.optimizers.base import OPTIMIZERS, Optimizer


@OPTIMIZERS.register("sgd")
class SGD(Optimizer):
    """Stochastic gradient descent with momentum: m = momentum * m + gradient, moved by lr * m; decoupled decay."""

    def __init__(self, parameters: dict[str, Parameter], *, momentum: float = 0.9, **options: Any):
        super().__init__(parameters, **options)
        self.momentum = momentum

    def update(self, lr: float, scale: float) -> None:
        m = self.buffers["m"]
        m *= np.float32(self.momentum)
        m += np.float32(scale) * self.grad
        self.data *= np.float32(1 - lr * self.weight_decay)
        self.data -= np.float32(lr) * m
        self.grad[:] = 0
