"""One training step: the batch in parts, then the optimizer."""
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ternary.autograd.tape import Tape
from ternary.errors import NumericError
from ternary.models.lm import LM
from ternary.objectives.base import Batch, trained_parameters
from ternary.objectives.next_token import NextToken
from ternary.rng import generator
from ternary.training.guard import Guard, culprit
from ternary.training.optimizers import Optimizer

HANG_UP = getattr(signal, "SIGHUP", None)       # Windows has none
MICRO_BATCH_TOKENS = 2048                       # tokens whose activations are alive together: they stay near the cores


class Trainer:
    """Trains any LM: batches (B, T) in, mean nats per token out. vocab_sampling: see ops.cross_entropy.

    The mean nats are those of next_token; objectives come on top of it, after their `setup`. The optimizer has
    `trained_parameters(model, objectives)`; None is enough for `gradients`.
    """

    def __init__(self, model: LM, optimizer: Optimizer, precision: str, seed: int = 0, objectives: tuple = ()):
        self.model, self.optimizer, self.tape = model, optimizer, Tape(precision)
        self.seed, self.guard = seed, Guard()
        self.objectives = [NextToken(), *objectives]
        untrained = trained_parameters(model, objectives).keys() - optimizer.slots.keys() if optimizer else ()
        if untrained:
            raise ValueError(f"[Trainer] the optimizer does not have {min(untrained)}; make it with "
                             "trained_parameters(model, objectives)")

    def gradients(self, tokens: np.ndarray, targets: np.ndarray, vocab_sampling: float = 0.0) -> float:
        """Add the gradients of the mean loss to the parameters'; -> the mean loss in nats."""
        rows, nats = max(1, MICRO_BATCH_TOKENS // tokens.shape[1]), 0.0
        keeps_outputs = any(objective.uses_outputs for objective in self.objectives)
        for objective in self.objectives:
            tokens = objective.inputs(tokens, self.tape.rng)
        self.tape.forget_packed()
        with self.tape:
            for i in range(0, len(tokens), rows):
                batch = Batch(self.model, tokens[i:i + rows], targets[i:i + rows], 1 / tokens.size, vocab_sampling,
                              keeps_outputs)
                terms = [term for objective in self.objectives for term in objective(batch)]
                nats += terms[0].value.data.sum(dtype=np.float64)
                self.tape.backward(*((term.value, term.scale) for term in terms))
                del batch, terms          # activations return to the pool
        return nats / tokens.size

    def step(self, tokens: np.ndarray, targets: np.ndarray, lr: float,
             vocab_sampling: float = 0.0) -> tuple[float, float]:
        """One update -> mean nats, gradient norm. NumericError, and no update, if the guard finds them unsound."""
        self.tape.rng = generator(self.seed, "step", self.optimizer.steps)
        nats = self.gradients(tokens, targets, vocab_sampling)
        norm = self.optimizer.grad_norm()
        if trouble := self.guard.trouble(nats, norm):
            trouble += culprit(trained_parameters(self.model, self.objectives))
            self.optimizer.grad[:] = 0
            raise NumericError(f"{trouble} at step {self.optimizer.steps + 1}; no update was made")
        self.optimizer.step(lr, norm)
        return nats, norm


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP wait for the end of the block: a step is made whole or not at all. A second one does
    not, except SIGHUP: a terminal that closes may send several. Signals that are ignored stay so."""
    if threading.current_thread() is not threading.main_thread():
        yield                     # signals come to the main thread only
        return
    caught = []

    def note(number, frame):
        if not caught:
            caught.append(number)
        elif number != HANG_UP:
            raise SystemExit(128 + number)

    numbers = [n for n in (signal.SIGINT, signal.SIGTERM, HANG_UP) if n and signal.getsignal(n) != signal.SIG_IGN]
    handlers = {number: signal.signal(number, note) for number in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if caught:
        signal.raise_signal(caught[0])
