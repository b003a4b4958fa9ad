"""Will it fit? What a run takes, before it takes it."""
from math import prod

import numpy as np

from ternary.autograd.tape import Tape
from ternary.compiler.backend import Trace, use_backend
from ternary.config import TrainConfig
from ternary.errors import ResourceError
from ternary.evaluation.protocol import ROWS
from ternary.machine.hardware import memory_limit
from ternary.models.lm import LM
from ternary.objectives import trained_parameters
from ternary.training.micro_batches import MICRO_BATCH_TOKENS, SHARES, micro_batches
from ternary.training.optimizers import OPTIMIZERS
from ternary.training.plan import eval_precision, new_objectives
from ternary.training.step import Trainer

BASE = 260 << 20                  # Python, NumPy, Numba and the compiled kernels
EACH_THREAD = 8 << 20             # workspaces of kernels


def estimate(model: LM, config: TrainConfig) -> dict[str, int]:
    """Bytes by what needs them. Activations are counted by a step in which no kernel runs."""
    objectives = new_objectives(config, model)
    trained = trained_parameters(model, objectives)
    parameters = sum(p.data.nbytes for p in trained.values())
    moments = OPTIMIZERS.get(config.optimizer).moment_shapes(trained)
    parts = micro_batches(config.batch_size, config.seq_len)
    workers = config.workers or 1
    gradients = min(len(parts), SHARES, workers + 1)
    batch = np.zeros((max(part.stop - part.start for part in parts), config.seq_len), np.int32)
    trainer = Trainer(model, None, config.precision, objectives=tuple(objectives))
    with use_backend(Trace()), np.errstate(all="ignore"):
        trainer.gradients(batch, batch)
    head = (-(-model.config.vocab_size // 32) * 32) * 128 * 2 * config.threads        # e of kernels/cross_entropy.py
    state = sum(4 * prod(shape) for shape in moments.values())
    # a step, an evaluation or a copy for the checkpoint: each gives its memory back
    tape = trainer.tapes[0]
    activations = max(workers * tape.pool.taken + tape.packed.pool.taken + head, workers * evaluation(model, config),
                      parameters + state)
    return {"the program": BASE + EACH_THREAD * config.threads,
            "parameters and gradients": (1 + gradients) * parameters,
            "optimizer": state + (parameters if config.ema else 0) + (2 * parameters if config.local_steps > 1 else 0),
            "activations": activations}


def evaluation(model: LM, config: TrainConfig) -> int:
    """Bytes of an evaluation, at most a chunk of a long story at once. The sample after it takes less."""
    chunk = np.zeros((1, ROWS), np.int32)
    with Tape(eval_precision(config), record=False) as tape, use_backend(Trace()), np.errstate(all="ignore"):
        model.nll(chunk, chunk, model.init_state())
    return tape.pool.taken


def check_memory(model: LM, config: TrainConfig, free: int | None = None) -> str:
    """What the run needs of what is free. ResourceError, with the arithmetic, if that is too much."""
    needs, free = estimate(model, config), memory_limit() if free is None else free
    # the model itself is there already
    total = sum(needs.values()) - sum(p.data.nbytes for p in model.parameters().values())
    if total > free:
        listed = ", ".join(f"{name} {size / 1e6:,.0f}" for name, size in needs.items())
        largest = max(list(needs)[1:], key=needs.get)
        too_long = largest == "activations" and config.seq_len > MICRO_BATCH_TOKENS
        helps = ("--workers 1" if largest == "activations" and (config.workers or 1) > 1 else
                 "a smaller --seq-len" if too_long else "a smaller --model")
        raise ResourceError(f"{config.model} needs about {total / 1e6:,.0f} MB ({listed}), but {free / 1e6:,.0f} MB "
                            f"are free; {helps} helps most")
    return f"about {sum(needs.values()) / 1e6:,.0f} of {free / 1e6:,.0f} MB free"
