"""From what was asked for to what is done: settings that were left open, the model, its precision."""
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba

from ternary.checkpoint import format as checkpoint
from ternary.compiler.isa import ISA, PRECISIONS
from ternary.config import TrainConfig
from ternary.errors import UsageError
from ternary.machine.hardware import total_memory, usable_cores
from ternary.models import entry
from ternary.models.lm import LM
from ternary.text.corpus import open_corpus, split_corpus
from ternary.text.outside import runs_outside_code
from ternary.text.story import Corpus
from ternary.text.tokenizer import FIRST_PIECE, MAX_VOCAB
from ternary.training.optimizers import OPTIMIZERS
from ternary.training.schedules import SCHEDULES, Budget
from ternary.training.thread_count import best_threads

LARGE_CORES, LARGE_MEMORY = 8, 32 << 30           # from where on bolt-large is the usual model
MODEL_SETTINGS = ("vocab_size", "quantizer", "inner_norm")      # of a run, that its model may have


def chosen(config: TrainConfig, model: Any, name: str) -> Any:
    """A setting of the model: what the run gives, or else what the model has; None if it has no such thing."""
    given, usual = getattr(config, name), getattr(model, name, None)
    if given is not None and usual is None:
        raise UsageError(f"--{name.replace('_', '-')} is {given}, but {config.model} has no such setting; leave it out")
    return usual if given is None else given


def usual_model() -> str:
    """The published choice, by the cores and the memory that this process may use."""
    return "bolt-large" if usable_cores()[0] >= LARGE_CORES and total_memory() >= LARGE_MEMORY else "bolt-small"


def resolve(config: TrainConfig) -> TrainConfig:
    """Fill in what was left to be chosen, and check what depends on this machine."""
    config = replace(config, model=config.model or usual_model())
    recipe = entry(config.model)
    if config.precision not in ("auto", "int8", "bf16", "fp32"):
        raise UsageError(f"--precision is {config.precision!r}; use auto, int8, bf16 or fp32")
    if config.schedule not in SCHEDULES:
        raise UsageError(f"--schedule is {config.schedule!r}; use {' or '.join(SCHEDULES)}")
    optimizer = OPTIMIZERS.get(config.optimizer)
    config = replace(config, **{name: chosen(config, recipe.config, name) for name in MODEL_SETTINGS})
    if not FIRST_PIECE <= config.vocab_size <= MAX_VOCAB:
        raise UsageError(f"--vocab is {config.vocab_size}; use {FIRST_PIECE} to {MAX_VOCAB}")
    budget = {} if any((config.hours, config.tokens, config.steps, config.epochs)) else {"epochs": 10}
    lr = config.lr or recipe.lr * optimizer.lr_factor
    return replace(config, seq_len=config.seq_len or recipe.seq_len, lr=lr, min_lr=min(config.min_lr, lr),
                   precision=PRECISIONS[0] if config.precision == "auto" else config.precision,
                   threads=min(config.threads or best_threads()[0], numba.config.NUMBA_NUM_THREADS),
                   **budget)


def reasons(asked: TrainConfig, config: TrainConfig) -> list[str]:
    """What `resolve` made of settings that were left open, and why."""
    notes = []
    if asked.model is None:
        notes.append(f"{config.model} ({usable_cores()[0]} cores, {total_memory() / 2**30:.0f} GB; bolt-large is for "
                    f"{LARGE_CORES} and {LARGE_MEMORY >> 30})")
    if asked.threads is None:
        notes.append(f"threads {config.threads} ({best_threads()[1]})")
    if asked.precision == "auto":
        notes.append(f"{config.precision} (the fastest with {ISA})")
    if asked.lr is None:
        factor = OPTIMIZERS.get(config.optimizer).lr_factor
        notes.append(f"lr {config.lr:g} (that of {config.model}{f' times {factor:g}' if factor != 1 else ''})")
    if asked.seq_len is None:
        notes.append(f"{config.seq_len} tokens a sequence (that of {config.model})")
    return notes


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


def corpora(config: TrainConfig) -> tuple[Corpus, Corpus]:
    """For training and for validation."""
    train = open_corpus(config.data, "train", config.field)
    if config.val_data:
        return train, open_corpus(config.val_data, "validation", config.field)
    if config.data == "fables":
        return train, open_corpus(config.data, "validation")
    return split_corpus(train)


def budget(config: TrainConfig, steps_per_epoch: float) -> Budget:
    """Of the limits in steps, tokens and epochs the lowest, and the seconds."""
    limits = [config.steps, config.tokens and math.ceil(config.tokens / (config.batch_size * config.seq_len)),
              config.epochs and math.ceil(config.epochs * steps_per_epoch)]
    return Budget(config.hours and config.hours * 3600, min(filter(None, limits), default=None))


def continued(resume: Path | str, given: dict[str, Any]) -> tuple[TrainConfig, Path]:
    """The settings of the run in the folder `resume`, with those of `given` that may change, and its last checkpoint.

    UsageError if `given` has others, or if the run's text needs code from outside that `given` does not name.
    """
    given = dict(given)
    saved = checkpoint.load(checkpoint.find(Path(resume), prefer=("last",)))
    config = TrainConfig.from_json(saved.state.get("settings"))
    for key in {"data", "val_data"} - given.keys():
        # a checkpoint may come from anywhere, so it does not decide which code runs
        if (source := getattr(config, key)) and runs_outside_code(source):
            raise UsageError(f"this run reads its text with code outside of ternary, {source}; if you trust it, "
                             f"add --{key.replace('_', '-')} {source}")
    if ":" in config.optimizer and "optimizer" not in given:
        raise UsageError(f"this run trains with code outside of ternary, {config.optimizer}; if you trust it, "
                         f"add --optimizer {config.optimizer}")
    folder = saved.path.parent
    if Path(given.pop("save_dir", folder)).resolve() != folder.resolve():
        raise UsageError(f"--save-dir differs from --resume {resume}; a resumed run stays in its folder, leave it out")
    return TrainConfig(**{**config.resumed(given).to_json(), "save_dir": str(folder)}), saved.path
