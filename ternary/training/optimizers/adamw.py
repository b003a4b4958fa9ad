from typing import Any

import numpy as np

from ternary.kernels.adamw import adamw
from ternary.nn.module import Parameter
from ternary.training.optimizers.base import OPTIMIZERS, Optimizer, zeros


@OPTIMIZERS.register("adamw")
class AdamW(Optimizer):
    """AdamW (Loshchilov and Hutter 2019), decoupled weight decay on every parameter."""

    def __init__(self, parameters: dict[str, Parameter], *, beta1: float = 0.9, beta2: float = 0.95,
                 eps: float = 1e-8, **options: Any):
        super().__init__(parameters, **options)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.buffers.setdefault("v", zeros(0))    # Muon may have matrices only

    @staticmethod
    def state_of(p: Parameter) -> tuple[str, ...]:
        return "m", "v"

    def update(self, lr: float, scale: float) -> None:
        fix1, fix2 = (1 / (1 - beta ** self.steps) for beta in (self.beta1, self.beta2))
        hyper = np.array([scale, lr, self.weight_decay, self.beta1, self.beta2, fix1, fix2, self.eps], np.float32)
        own = slice(len(self.buffers["v"]))       # the parameters that have a second moment
        adamw(self.data[own], self.grad[own], self.buffers["m"][own], self.buffers["v"], hyper)
