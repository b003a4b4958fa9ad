"""Batches of next-token pairs from one long stream of tokens. Targets shift here and nowhere else."""

import numpy as np

from ternary.errors import DataError, UsageError
from ternary.rng import generator


class Loader:
    """Shuffled packed windows of `tokens` (n,): window w covers tokens[w*T : w*T + T + 1].

    Every token but the first of the stream (and a tail shorter than T) is a target exactly once per epoch.
    A batch is a pure function of (seed, step): to resume at a step, ask for that step.
    Raises DataError if the stream is shorter than one batch.
    """

    def __init__(self, tokens: np.ndarray, batch_size: int, seq_len: int, seed: int) -> None:
        if batch_size < 1 or seq_len < 1:
            raise UsageError(f"batch {batch_size} x {seq_len} tokens; --batch and --seq-len are at least 1")
        self.tokens = np.asarray(tokens)
        self.batch_size, self.seq_len, self.seed = batch_size, seq_len, seed
        self.windows = max(0, len(tokens) - 1) // seq_len
        if self.windows < batch_size:
            raise DataError(
                f"{len(tokens):,} tokens; one batch of {batch_size} x {seq_len} needs "
                f"{batch_size * seq_len + 1:,}; use a smaller --batch or --seq-len or more text"
            )
        self._orders: dict[int, np.ndarray] = {}

    @property
    def steps_per_epoch(self) -> float:
        """Windows / batch size: a fraction, because a batch may straddle two epochs."""
        return self.windows / self.batch_size

    def epoch(self, step: int) -> int:
        """The epoch of the first window of batch `step`, from 0."""
        return step * self.batch_size // self.windows

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """x, y (B, T) int32, where y[b, t] is the token after x[b, t]. Steps count from 0."""
        T, first = self.seq_len, step * self.batch_size
        picks = [self._window(k) for k in range(first, first + self.batch_size)]
        block = np.stack([self.tokens[w * T : w * T + T + 1] for w in picks]).astype(np.int32)
        return np.ascontiguousarray(block[:, :-1]), np.ascontiguousarray(block[:, 1:])

    def _window(self, k: int) -> int:
        """The k-th window of the endless concatenation of one permutation per epoch."""
        epoch, place = divmod(k, self.windows)
        if epoch not in self._orders:
            # A batch touches at most two epochs, since it is never longer than one.
            self._orders = {e: order for e, order in self._orders.items() if e == epoch - 1}
            self._orders[epoch] = generator(self.seed, "loader", epoch).permutation(self.windows)
        return int(self._orders[epoch][place])
