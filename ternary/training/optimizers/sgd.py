from dataclasses import dataclass

import numpy as np

from ternary.schema import Config, setting
from ternary.training.optimizers.base import OPTIMIZERS, Optimizer


@dataclass(frozen=True)
class SGDConfig(Config):
    momentum: float = setting(0.9, "decay of the momentum", at_least=0, at_most=1)


@OPTIMIZERS.register("sgd")
class SGD(Optimizer):
    """Stochastic gradient descent with momentum: m = momentum * m + gradient, moved by lr * m; decoupled decay."""

    config_type = SGDConfig

    def update(self, lr: float, scale: float) -> None:
        m = self.buffers["m"]
        m *= np.float32(self.config.momentum)
        m += np.float32(scale) * self.grad
        self.data *= np.float32(1 - lr * self.weight_decay)
        self.data -= np.float32(lr) * m
        self.grad[:] = 0
