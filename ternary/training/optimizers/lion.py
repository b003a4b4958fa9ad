from dataclasses import dataclass

import numpy as np

from ternary.schema import Config, setting
from ternary.training.optimizers.base import OPTIMIZERS, Optimizer

CHUNK = 1 << 16                   # elements that stay in cache between the passes


@dataclass(frozen=True)
class LionConfig(Config):
    beta1: float = setting(0.9, "weight of the momentum in the direction of a step", at_least=0, at_most=1)
    beta2: float = setting(0.99, "decay of the momentum", at_least=0, at_most=1)


@OPTIMIZERS.register("lion")
class Lion(Optimizer):
    """Lion (Chen et al. 2023): moves by the sign of an average of momentum and gradient.

    Every element moves by lr, so lr is a tenth of AdamW's.
    """
    config_type, lr_factor = LionConfig, 0.1

    def update(self, part: slice, lr: float, scale: float) -> None:
        beta1, beta2 = self.config.beta1, self.config.beta2
        for first in range(part.start, part.stop, CHUNK):
            chunk = slice(first, min(first + CHUNK, part.stop))
            p, g, m = (a[chunk] for a in (self.data, self.grad, self.buffers["m"]))
            g *= np.float32(scale)
            direction = np.sign(beta1 * m + (1 - beta1) * g)
            p *= np.float32(1 - lr * self.weight_decay)
            p -= np.float32(lr) * direction
            m *= np.float32(beta2)
            m += np.float32(1 - beta2) * g
            g[:] = 0
