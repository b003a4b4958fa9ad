from dataclasses import dataclass
from typing import Any

import numpy as np

from ternary.compiler.isa import BF16_DOT
from ternary.kernels.muon import muon
from ternary.nn.module import Parameter
from ternary.schema import setting
from ternary.training.optimizers.adamw import AdamW, AdamWConfig
from ternary.training.optimizers.base import OPTIMIZERS


@dataclass(frozen=True)
class MuonConfig(AdamWConfig):
    momentum: float = setting(0.95, "decay of the momentum of matrices", at_least=0, at_most=1)


@OPTIMIZERS.register("muon")
class Muon(AdamW):
    """Muon (Jordan et al. 2024) for the matrices of linear maps, AdamW for everything else.

    A matrix is moved by its orthogonalised momentum. Learning rate, weight decay and clipping are the same for all.
    """

    config_type = MuonConfig

    def __init__(self, parameters: dict[str, Parameter], **options: Any):
        super().__init__(parameters, **options)
        first = len(self.buffers["v"])
        self.operands = np.empty((1, 1), np.uint16 if BF16_DOT and self.precision != "fp32" else np.float32)
        matrices = [(part.start - first, *stored, max(shape)) for part, stored, shape, kinds in self.slots.values()
                    if "v" not in kinds]
        self.shapes = np.array(matrices, np.int64).reshape(-1, 4)

    @staticmethod
    def state_of(p: Parameter) -> tuple[str, ...]:
        return ("m",) if p.matrix else ("m", "v")

    def update(self, lr: float, scale: float) -> None:
        super().update(lr, scale)
        hyper = np.array([scale, lr, self.weight_decay, self.config.momentum], np.float32)
        own = slice(len(self.buffers["v"]), None)
        muon(self.data[own], self.grad[own], self.buffers["m"][own], self.shapes, hyper, self.operands)
