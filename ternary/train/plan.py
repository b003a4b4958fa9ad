"""From what was asked for to what is done: settings that were left open, the model, its precision."""
from dataclasses import replace
from typing import Any

import numba

from ternary.config import TrainConfig
from ternary.data.tokenizer import FIRST_PIECE, MAX_VOCAB
from ternary.errors import UsageError
from ternary.kernels.isa import PRECISIONS
from ternary.models import entry
from ternary.models.lm import LM
from ternary.train.optimizer import OPTIMIZERS
from ternary.train.probe import best_threads
from ternary.train.schedule import SCHEDULES

MODEL_SETTINGS = ("vocab_size", "quantizer", "inner_norm")      # of a run, that its model may have


def chosen(config: TrainConfig, model: Any, name: str) -> Any:
    """A setting of the model: what the run gives, or else what the model has; None if it has no such thing."""
    given, usual = getattr(config, name), getattr(model, name, None)
    if given is not None and usual is None:
        raise UsageError(f"--{name.replace('_', '-')} is {given}, but {config.model} has no such setting; leave it out")
    return usual if given is None else given


def resolve(config: TrainConfig) -> TrainConfig:
    """Fill in what was left to be chosen, and check what depends on this machine."""
    recipe = entry(config.model)
    if config.precision not in ("auto", "int8", "bf16", "fp32"):
        raise UsageError(f"--precision is {config.precision!r}; use auto, int8, bf16 or fp32")
    if config.schedule not in SCHEDULES:
        raise UsageError(f"--schedule is {config.schedule!r}; use {' or '.join(SCHEDULES)}")
    if config.optimizer not in OPTIMIZERS:
        raise UsageError(f"--optimizer is {config.optimizer!r}; use {' or '.join(OPTIMIZERS)}")
    config = replace(config, **{name: chosen(config, recipe.config, name) for name in MODEL_SETTINGS})
    if not FIRST_PIECE <= config.vocab_size <= MAX_VOCAB:
        raise UsageError(f"--vocab is {config.vocab_size}; use {FIRST_PIECE} to {MAX_VOCAB}")
    budget = {} if any((config.hours, config.tokens, config.steps, config.epochs)) else {"epochs": 10}
    lr = config.lr or recipe.lr
    return replace(config, seq_len=config.seq_len or recipe.seq_len, lr=lr, min_lr=min(config.min_lr, lr),
                   precision=PRECISIONS[0] if config.precision == "auto" else config.precision,
                   threads=min(config.threads or best_threads()[0], numba.config.NUMBA_NUM_THREADS),
                   **budget)


def model_config(config: TrainConfig) -> Any:
    """That of the model of a resolved run."""
    usual = entry(config.model).config
    return replace(usual, **{name: getattr(config, name) for name in MODEL_SETTINGS if hasattr(usual, name)})


def new_model(config: TrainConfig) -> LM:
    """As it is before the first step."""
    return entry(config.model).model(model_config(config), config.seed)


def eval_precision(config: TrainConfig) -> str:
    """That of activations alone: what int8 rounds further shall not blur a score."""
    return "bf16" if config.precision == "int8" else config.precision
