from dataclasses import dataclass

import numpy as np

from ternary.nn.module import Parameter
from ternary.schema import setting
from ternary.training.optimizers.base import OPTIMIZERS
from ternary.training.optimizers.muon import Muon, MuonConfig


@dataclass(frozen=True)
class NorMuonConfig(MuonConfig):
    row_decay: float = setting(0.95, "decay of the second moments of the rows of updates", above=0, at_most=0.9999)


@OPTIMIZERS.register("normuon")
class NorMuon(Muon):
    """Muon whose updates have rows of about equal size (Li et al. 2025): each is divided by the root of an average of
    its squares. A row is what leads to one output."""

    config_type = NorMuonConfig

    @property
    def row_decay(self) -> float:
        return self.config.row_decay

    @classmethod
    def moment_shapes(cls, parameters: dict[str, Parameter]) -> dict[str, tuple[int, ...]]:
        rows = {f"rows.{name}": p.shape[:1] for name, p in parameters.items() if p.matrix}
        return super().moment_shapes(parameters) | rows

    def state(self) -> dict[str, np.ndarray]:
        first = {int(start): int(row) for start, row in self.shapes[:, [0, 5]]}
        return super().state() | {f"rows.{name}": self.rows[first[part.start]:][:shape[0]]
                                  for name, (part, _, shape, kinds) in self.slots.items() if "v" not in kinds}
