"""What a run reads when: texts one after the other (curriculum), and sequences that grow (progressive)."""
import numpy as np

from ternary.errors import UsageError
from ternary.text.loader import Loader


class Course:
    """The batches of a run by its share of the budget, 0 to 1.

    loaders: of each text; shares: of the budget for each of them; seq_lens: of equal parts of the budget. A batch is
    cut into shorter sequences while those are due: it has the same tokens, so schedule, budget and epochs do not know
    of them. drawn: batches so far of each text, all that is needed to go on.
    """

    def __init__(self, loaders: list[Loader], shares: list[float], seq_lens: list[int]):
        self.loaders, self.seq_lens = loaders, seq_lens
        self.ends = np.cumsum(shares) / sum(shares)
        self.drawn = [0] * len(loaders)

    @property
    def steps_per_epoch(self) -> float:
        return sum(loader.steps_per_epoch for loader in self.loaders)

    def text(self, share: float) -> int:
        """The index of the text that is due."""
        return min(int(np.searchsorted(self.ends, share, side="right")), len(self.ends) - 1)

    def seq_len(self, share: float) -> int:
        return self.seq_lens[min(int(share * len(self.seq_lens)), len(self.seq_lens) - 1)]

    def batch(self, share: float) -> tuple[np.ndarray, np.ndarray]:
        """x, y (B', T'), the next batch; it comes again until `advance` is called."""
        k, seq_len = self.text(share), self.seq_len(share)
        x, y = self.loaders[k].batch(self.drawn[k])
        return x.reshape(-1, seq_len), y.reshape(-1, seq_len)

    def advance(self, share: float) -> None:
        """The batch of this share has been used."""
        self.drawn[self.text(share)] += 1


def parse_progressive(given: str, seq_len: int | None) -> list[int]:
    """"64,128,256" -> [64, 128, 256]; each has to divide the last, which is the seq_len of the run."""
    try:
        lengths = [int(part) for part in given.split(",")]
    except ValueError:
        lengths = [0]
    last = seq_len or lengths[-1]
    if min(lengths) < 1 or lengths[-1] != last or any(last % length for length in lengths):
        raise UsageError(f"--progressive is {given}" + (f" with --seq-len {seq_len}" if seq_len else "") + "; wanted "
                         "lengths that divide the last one, which is the --seq-len, e.g. 64,128,256")
    return lengths
