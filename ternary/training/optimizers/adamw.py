from dataclasses import dataclass
from typing import Any

import numpy as np

from ternary.kernels.adamw import adamw
from ternary.nn.module import Parameter
from ternary.schema import Config, setting
from ternary.training.optimizers.base import OPTIMIZERS, Optimizer, zeros


@dataclass(frozen=True)
class AdamWConfig(Config):
    beta1: float = setting(0.9, "decay of the first moment", at_least=0, at_most=0.9999)
    beta2: float = setting(0.95, "decay of the second moment", at_least=0, at_most=0.9999)
    eps: float = setting(1e-8, "added to the root of the second moment", at_least=0)


@OPTIMIZERS.register("adamw")
class AdamW(Optimizer):
    """AdamW (Loshchilov and Hutter 2019), decoupled weight decay on every parameter."""
    config_type: type[AdamWConfig] = AdamWConfig

    def __init__(self, parameters: dict[str, Parameter], **options: Any):
        super().__init__(parameters, **options)
        self.buffers.setdefault("v", zeros(0))    # Muon may have matrices only

    @staticmethod
    def state_of(p: Parameter) -> tuple[str, ...]:
        return "m", "v"

    def update(self, part: slice, lr: float, scale: float) -> None:
        c = self.config
        fix1, fix2 = (1 / (1 - beta ** self.steps) for beta in (c.beta1, c.beta2))
        hyper = np.array([scale, lr, self.weight_decay, c.beta1, c.beta2, fix1, fix2, c.eps], np.float32)
        adamw(self.data[part], self.grad[part], self.buffers["m"][part], self.buffers["v"][part], hyper)
