"""What a run will compile, found out by walking through it without running a kernel."""
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

import numpy as np

from ternary.compiler.backend import Call, Trace, use_backend
from ternary.compiler.precompile import compile_together, prepare
from ternary.config import TrainConfig
from ternary.evaluation.protocol import evaluate
from ternary.inference.generation import Engine
from ternary.machine.hardware import usable_cores
from ternary.machine.heartbeat import heartbeat
from ternary.models import LM
from ternary.models.twin import short_twin
from ternary.objectives import trained_parameters
from ternary.text.tokenizer import FIRST_PIECE, Tokenizer
from ternary.training.micro_batches import micro_batches
from ternary.training.plan import eval_precision, new_objectives, new_optimizer
from ternary.training.step import Trainer

MAX_PROCESSES = 4                 # that compile; more would wait for the longest kernel


def calls_of_run(model: LM, config: TrainConfig) -> tuple[list[Call], list[Call]]:
    """The kernels of a step, and of an evaluation with its sample, in a resolved run; found with a short twin."""
    tokenizer = Tokenizer((), FIRST_PIECE)
    model = short_twin(model, vocab_size=tokenizer.vocab_size)
    batch = np.zeros((1, 32), np.int32)
    objectives = new_objectives(config, model)
    optimizer = new_optimizer(config, trained_parameters(model, objectives))
    with np.errstate(all="ignore"):               # what kernels leave out is uninitialised
        with use_backend(Trace()) as step:
            Trainer(model, optimizer, config.precision, objectives=tuple(objectives)).gradients(batch, batch)
            several = len(micro_batches(config.batch_size, config.seq_len)) > 1
            optimizer.grad_norm([optimizer.grad] if several else [])
            optimizer.step(0.0, 1.0)
        with use_backend(Trace()) as evaluation:
            evaluate(model, tokenizer, ["a"], None, eval_precision(config))
            Engine(model, tokenizer, compiled=False).generate("a", 1)
    # of many arguments first: they take longest
    return tuple(sorted(trace.calls, key=lambda call: -len(call[2])) for trace in (step, evaluation))


class Loading(Thread):
    """Load kernels into this process; those that the cache does not have are compiled, one after the other."""

    def __init__(self, calls: list[Call]):
        super().__init__(daemon=True)
        self.calls, self.done = calls, 0

    def __str__(self) -> str:
        return f"compiling kernels: {self.done} of {len(self.calls)}"

    def run(self) -> None:
        with suppress(Exception):                 # what fails here fails where it is called, and is reported there
            for call in self.calls:
                prepare(*call)
                self.done += 1


def start_compiling(model: LM, config: TrainConfig) -> Callable[[], None]:
    """Compile or load the kernels of a resolved run, from now on, while data are read -> what waits for them.

    On all cores, in processes of their own. It waits for those of a step; those of evaluations follow in the background
    of the first steps, or before them on a single core.
    """
    step, evaluation = calls_of_run(model, config)
    processes = min(MAX_PROCESSES, usable_cores()[0])
    compilation = compile_together(step, processes) if processes > 1 else None
    loading = Loading(step if processes > 1 else [*step, *evaluation])
    if not compilation:
        loading.start()

    def wait() -> None:
        if compilation:
            with heartbeat(compilation.__str__):
                compilation.wait()
            loading.start()
        with heartbeat(loading.__str__):
            loading.join()
        if processes > 1:
            compile_together(evaluation, 1)
    return wait
