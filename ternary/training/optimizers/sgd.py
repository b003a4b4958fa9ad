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

    def update(self, part: slice, lr: float, scale: float) -> None:
        p, g, m = (a[part] for a in (self.data, self.grad, self.buffers["m"]))
        m *= np.float32(self.config.momentum)
        m += np.float32(scale) * g
        p *= np.float32(1 - lr * self.weight_decay)
        p -= np.float32(lr) * m
        g[:] = 0
