from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ternary.compiler.isa import BF16_DOT
from ternary.kernels.muon import muon
from ternary.nn.module import Parameter
from ternary.schema import setting
from ternary.training.optimizers.adamw import AdamW, AdamWConfig
from ternary.training.optimizers.base import OPTIMIZERS, slices


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
        self.operands = np.empty((1, 1), np.uint16 if BF16_DOT and self.precision != "fp32" else np.float32)
        found = [(part.start, *stored, max(shape), prod(shape)) for part, stored, shape, kinds in self.slots.values()
                 if "v" not in kinds]
        matrices = np.array(found, np.int64).reshape(-1, 5)
        ends = np.cumsum(matrices[:, 1])
        self.shapes = np.column_stack([matrices, ends - matrices[:, 1]])
        self.rows = np.zeros(ends[-1] if self.row_decay and len(ends) else 0, np.float32)

    @property
    def row_decay(self) -> float:
        """Of the second moments of the rows of updates, which NorMuon has."""
        return 0.0

    @staticmethod
    def state_of(p: Parameter) -> tuple[str, ...]:
        return ("m",) if p.matrix else ("m", "v")

    def parts(self, count: int) -> list[slice]:
        """Matrices stay whole."""
        starts = [part.start for part in super().parts(count)]
        for k, (start, matrices) in enumerate(zip(starts, self.shapes[:, 0].searchsorted(starts, "right"))):
            starts[k] = int(self.shapes[matrices - 1, 0]) if matrices else start
        return slices(sorted(set(starts)), len(self.data))

    def update(self, part: slice, lr: float, scale: float) -> None:
        if part.start < len(self.buffers["v"]):
            super().update(part, lr, scale)
            return
        hyper = np.array([scale, lr, self.weight_decay, self.config.momentum, self.row_decay], np.float32)
        shapes = self.shapes[(self.shapes[:, 0] >= part.start) & (self.shapes[:, 0] < part.stop)]
        shapes[:, 0] -= part.start
        muon(self.data[part], self.grad[part], self.buffers["m"][part], self.rows, shapes, hyper, self.operands)
