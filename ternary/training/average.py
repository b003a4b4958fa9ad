"""A moving average of the weights."""
import numpy as np

from ternary.nn.module import unpadded
from ternary.training.optimizers import Optimizer

CHUNK = 1 << 16                   # elements that stay in cache between the passes


class WeightAverage:
    """Exponential moving average of all that an optimizer trains: average += (1 - d) (weights - average).

    d is `decay`, but at first (1 + step) / (10 + step), so that the initial weights are soon forgotten. `swap()` puts
    the average in the place of the weights, and back.
    """

    def __init__(self, optimizer: Optimizer, decay: float):
        self.optimizer, self.decay = optimizer, decay
        self.other = optimizer.data.copy()        # the average; while swapped, the weights

    def update(self, step: int) -> None:
        """After step number `step`, from 1."""
        share = np.float32(1 - min(self.decay, (1 + step) / (10 + step)))
        for start in range(0, len(self.other), CHUNK):
            weights, average = self.optimizer.data[start:start + CHUNK], self.other[start:start + CHUNK]
            average += share * (weights - average)

    def swap(self) -> None:
        weights = self.optimizer.data.copy()
        self.optimizer.data[:], self.other[:] = self.other, weights

    def state(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps beside the average: the weights as "trained.NAME", while swapped."""
        return {f"trained.{name}": unpadded(self.other[part].reshape(stored), shape)
                for name, (part, stored, shape, _) in self.optimizer.slots.items()}

    def load(self, state: dict[str, np.ndarray]) -> None:
        """The optimizer's data is the average of a checkpoint, `state` has the weights."""
        for name, values in self.state().items():
            values[...] = state[name]
        self.swap()
