from typing import Any

import numpy as np

from ternary.nn.module import Parameter
from ternary.training.optimizers.base import OPTIMIZERS, Optimizer

CHUNK = 1 << 16                   # elements that stay in cache between the passes


@OPTIMIZERS.register("lion")
class Lion(Optimizer):
    """Lion (Chen et al. 2023): moves by the sign of an average of momentum and gradient.

    Every element moves by lr, so lr is a tenth of AdamW's.
    """
    lr_factor = 0.1

    def __init__(self, parameters: dict[str, Parameter], *, beta1: float = 0.9, beta2: float = 0.99, **options: Any):
        super().__init__(parameters, **options)
        self.beta1, self.beta2 = beta1, beta2

    def update(self, lr: float, scale: float) -> None:
        for first in range(0, len(self.data), CHUNK):
            p, g, m = (a[first:first + CHUNK] for a in (self.data, self.grad, self.buffers["m"]))
            g *= np.float32(scale)
            direction = np.sign(self.beta1 * m + (1 - self.beta1) * g)
            p *= np.float32(1 - lr * self.weight_decay)
            p -= np.float32(lr) * direction
            m *= np.float32(self.beta2)
            m += np.float32(1 - self.beta2) * g
            g[:] = 0
