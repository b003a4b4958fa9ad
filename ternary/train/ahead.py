"""What a run will compile, found out by walking through it without running a kernel."""
from dataclasses import replace
from typing import Any

import numpy as np

from ternary.data.tokenizer import FIRST_PIECE, Tokenizer
from ternary.evaluate import evaluate
from ternary.infer.engine import Engine
from ternary.kernels.ahead import Call, noted
from ternary.models.lm import LM
from ternary.train.optimizer import make_optimizer
from ternary.train.trainer import Trainer


def calls_of_run(kind: type[LM], config: Any, optimizer_name: str, precision: str,
                 eval_precision: str) -> tuple[list[Call], list[Call]]:
    """The kernels of a step, and those of an evaluation with its sample; found with a small model of this kind."""
    tokenizer = Tokenizer((), FIRST_PIECE)
    model = kind(replace(config, layers=1, vocab_size=tokenizer.vocab_size))
    batch = np.zeros((1, 32), np.int32)
    optimizer = make_optimizer(optimizer_name, model.parameters(), precision)
    with np.errstate(all="ignore"):               # what kernels leave out is uninitialised
        with noted() as step:
            Trainer(model, optimizer, precision).gradients(batch, batch)
            optimizer.grad_norm()
            optimizer.step(0.0, 1.0)
        with noted() as evaluation:
            evaluate(model, tokenizer, ["a"], None, eval_precision)
            Engine(model, tokenizer).generate("a", 1)
    # of many arguments first: they take longest
    return tuple(sorted(calls, key=lambda call: -len(call[2])) for calls in (step, evaluation))
