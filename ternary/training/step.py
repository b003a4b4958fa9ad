"""One training step: micro-batches by workers, the sum of their gradients, the optimizer."""
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np

from ternary.autograd.pool import Pool
from ternary.autograd.tape import PackedWeights, Tape, current_tape
from ternary.errors import NumericError, UsageError
from ternary.machine.workers import Workers
from ternary.models.lm import LM
from ternary.objectives.base import Batch, trained_parameters
from ternary.objectives.next_token import NextToken
from ternary.ops.packing import repack_tasks
from ternary.rng import generator
from ternary.training.exchange import Exchange
from ternary.training.gradient_sum import GradientSum
from ternary.training.guard import Guard, culprit
from ternary.training.micro_batches import SHARES, even_cuts, micro_batches
from ternary.training.optimizers import Optimizer
from ternary.training.overlap import Overlap

HANG_UP = getattr(signal, "SIGHUP", None)       # Windows has none


class Trainer:
    """Trains any LM: batches (B, T) in, mean nats per token out. vocab_sampling: see ops.cross_entropy.

    The mean nats are those of next_token; objectives come on top of it, after their `setup`. The optimizer has
    `trained_parameters(model, objectives)`; None is enough for `gradients`. The same bits come out for any number of
    workers with the same number of threads each. exchange: with the Trainers of other ranks.
    """

    def __init__(self, model: LM, optimizer: Optimizer, precision: str, seed: int = 0, objectives: tuple = (),
                 workers: Workers | None = None, exchange: Exchange | None = None):
        self.model, self.optimizer = model, optimizer
        self.workers = workers if workers and optimizer else Workers()
        self.exchange = exchange or Exchange()
        self.overlap = self.exchange.reduce if isinstance(self.exchange.reduce, Overlap) else None
        self.seed, self.guard, self.rng = seed, Guard(), generator(seed, "step", 0)
        self.objectives = [NextToken(), *objectives]
        self.trained = trained_parameters(model, objectives)
        self.tapes = [Tape(precision) for _ in range(self.workers.count)]
        for tape in self.tapes:
            tape.packed = self.tapes[0].packed                # weights are packed once for all
        untrained = self.trained.keys() - optimizer.slots.keys() if optimizer else ()
        if untrained:
            raise ValueError(f"[Trainer] the optimizer does not have {min(untrained)}; make it with "
                             "trained_parameters(model, objectives)")
        self.sum = GradientSum(optimizer, self.trained) if optimizer else None

    def gradients(self, tokens: np.ndarray, targets: np.ndarray, vocab_sampling: float = 0.0) -> float:
        """Add the gradients of this rank's part of the mean loss to the parameters'; -> its part of that, in nats."""
        loss = self.forward_backward(tokens, targets, vocab_sampling)
        if self.sum:
            self.optimizer.grad_norm(self.sum.left, self.workers.run)
        return loss

    def forward_backward(self, tokens: np.ndarray, targets: np.ndarray, vocab_sampling: float = 0.0,
                         overlap: Overlap | None = None) -> float:
        """`gradients`, but some are left in other buffers, `sum.left`, for optimizer.grad_norm or `overlap` to add."""
        keeps_outputs = any(objective.uses_outputs for objective in self.objectives)
        for objective in self.objectives:
            tokens = objective.inputs(tokens, self.rng)
        parts = micro_batches(*tokens.shape)
        nats, rngs = np.zeros(len(parts)), self.rng.spawn(len(parts))       # the same for any number of ranks
        mine = self.exchange.part(len(parts))
        shares = [mine[cut] for cut in even_cuts(len(mine), min(len(mine), SHARES) if self.sum else 1)]

        def next_share() -> None:
            """The next micro-batches whose gradients add up in one buffer."""
            tape = current_tape()
            with self.sum.task() if self.sum else nullcontext((0, {})) as (share, tape.grads):
                for k in shares[share]:
                    tape.rng, rows = rngs[k], parts[k]
                    with overlap.last_micro_batch(tape) if overlap and k == shares[share][-1] else nullcontext():
                        batch = Batch(self.model, tokens[rows], targets[rows], 1 / tokens.size, vocab_sampling,
                                      keeps_outputs)
                        terms = [term for objective in self.objectives for term in objective(batch)]
                        nats[k] = terms[0].value.data.sum(dtype=np.float64)
                        del batch             # activations return to the pool during the backward pass
                        tape.backward(*((term.value, term.scale) for term in terms))
                    del terms

        if self.sum:
            self.sum.begin(len(shares), self.workers.count)
        if overlap:
            overlap.begin(self.sum.left, len(shares))
        try:
            self.workers.run(repack_tasks(self.tapes[0].packed, set(self.trained.values())), self.tapes)
            self.workers.run([next_share] * len(shares), self.tapes)
        except BaseException:
            for tape in self.tapes:
                tape.nodes.clear()
            self.clear()
            raise
        return float(nats.sum()) / tokens.size

    def release(self) -> None:
        """Give back the memory of activations and packed weights until the next step."""
        packed = PackedWeights()
        for tape in self.tapes:
            tape.pool, tape.packed = Pool(), packed

    def clear(self) -> None:
        """Set all gradients to zero."""
        for grad in self.sum.buffers if self.sum else [p.grad for p in self.trained.values()]:
            grad[...] = 0

    def step(self, tokens: np.ndarray, targets: np.ndarray, lr: float,
             vocab_sampling: float = 0.0) -> tuple[float, float]:
        """One update -> mean nats, gradient norm. NumericError, and no update, if the guard finds them unsound."""
        self.rng = generator(self.seed, "step", self.optimizer.steps)
        rows = self.exchange.rows(micro_batches(*tokens.shape))
        nats = self.forward_backward(tokens[rows], targets[rows], vocab_sampling, self.overlap)
        if not self.overlap:
            norm = self.optimizer.grad_norm(self.sum.left, self.workers.run)
        if self.exchange.sums:
            nats = self.exchange.gradient(nats, self.optimizer.grad)
            norm = self.optimizer.grad_norm(run=self.workers.run)
        if trouble := self.guard.trouble(nats, norm):
            trouble += culprit(self.trained)
            self.clear()
            raise NumericError(f"{trouble} at step {self.optimizer.steps + 1}; no update was made")
        self.optimizer.step(lr, norm, 1 if self.workers.count == 1 else 8 * self.workers.count, self.workers.run)
        if self.optimizer.steps == 1 and self.optimizer.grad.any():
            raise UsageError(f"[{type(self.optimizer).__name__}] the gradient is not zero after an update, so the next "
                             "would be added to it; end update(part, lr, scale) with self.grad[part] = 0")
        return nats, norm


@contextmanager
def uninterrupted() -> Iterator[list[int]]:
    """Ctrl-C, SIGTERM and SIGHUP wait for the end of the block: a step is made whole or not at all. A second one does
    not, except SIGHUP: a terminal that closes may send several. Signals that are ignored stay so.
    -> the signals so far"""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught              # signals come to the main thread only
        return

    def note(number, frame):
        if not caught:
            caught.append(number)
        elif number != HANG_UP:
            raise SystemExit(128 + number)

    numbers = [n for n in (signal.SIGINT, signal.SIGTERM, HANG_UP) if n and signal.getsignal(n) != signal.SIG_IGN]
    handlers = {number: signal.signal(number, note) for number in numbers}
    try:
        yield caught
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if caught:
        signal.raise_signal(caught[0])
