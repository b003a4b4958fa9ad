"""From what was asked for to what is done: settings that were left open, the model, its precision."""
import math
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import numpy as np

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.find import find
from ternary.checkpoint.layout import OPTIMIZER, has_checkpoint
from ternary.compiler.isa import ISA, PRECISIONS
from ternary.config import TrainConfig, flag_of
from ternary.errors import UsageError
from ternary.machine.hardware import total_memory, usable_cores
from ternary.machine.ranks import World, world
from ternary.machine.threads import WITHOUT_OPENMP, threading_layer
from ternary.models import LM, MODELS
from ternary.nn.module import Parameter
from ternary.objectives import OBJECTIVES, Objective, trained_parameters
from ternary.rng import generator
from ternary.schema import checked
from ternary.text.corpus import joined, open_for_training
from ternary.text.loader import Loader
from ternary.text.outside import runs_outside_code
from ternary.text.select import select
from ternary.text.story import Corpus
from ternary.text.tokenizer import check_vocab_size
from ternary.training.course import Course, parse_progressive
from ternary.training.micro_batches import MICRO_BATCH_TOKENS, micro_batches, plan_workers
from ternary.training.optimizers import OPTIMIZERS, Optimizer
from ternary.training.run_folder import run_of
from ternary.training.schedules import SCHEDULES, Budget, Schedule
from ternary.training.thread_count import best_threads

LARGE_CORES, LARGE_MEMORY = 8, 32 << 30           # from where on bolt-large is the usual model


def usual_model() -> str:
    """The published choice, by the cores and the memory that this process may use."""
    return "bolt-large" if usable_cores()[0] >= LARGE_CORES and total_memory() >= LARGE_MEMORY else "bolt-small"


def resolve(config: TrainConfig, ranks: int = 1) -> TrainConfig:
    """Fill in what was left to be chosen, and check what depends on this machine, one of `ranks` in a run."""
    threading_layer()
    config = replace(config, model=config.model or usual_model())
    config = replace(config, objective=config.objective or MODELS.get(config.model).objective or None)
    check_set(config)
    model, optimizer = MODELS.get(config.model), OPTIMIZERS.get(config.optimizer)
    vocab_size = config.vocab_size or model_config(config).vocab_size
    check_vocab_size(vocab_size)
    for check in model_config, optimizer_config, schedule_of:
        check(config)
    budget = {} if any((config.hours, config.tokens, config.steps, config.epochs)) else {"epochs": 10}
    lr, seq_len = config.lr or model.lr * optimizer.lr_factor, config.seq_len or model.seq_len
    if config.progressive:
        seq_len = parse_progressive(config.progressive, config.seq_len)[-1]
    threads = min(config.threads or best_threads()[0], numba.config.NUMBA_NUM_THREADS)
    workers = min(config.workers or plan_workers(threads, -(-config.batch_size // ranks), seq_len), threads)
    return replace(config, vocab_size=vocab_size, seq_len=seq_len, lr=lr,
                   min_lr=min(config.min_lr, lr),
                   precision=PRECISIONS[0] if config.precision == "auto" else config.precision,
                   threads=threads, workers=workers, **budget)


def check_ranks(config: TrainConfig, world: World) -> None:
    """UsageError if a rank would have nothing to do, or could not read the text, and for what does not go together."""
    if config.gradient_bits not in (8, 32):
        raise UsageError(f"--gradient-bits is {config.gradient_bits}; use 8 or 32")
    if config.local_steps > 1 and config.ema:
        raise UsageError("--ema averages the weights of each step, which ranks with --local-steps do not have in "
                         "common; leave one out")
    if world.size > 1 and "-" in (config.data, config.val_data):
        raise UsageError("text from standard input reaches one rank only; write it to a file")
    assert config.seq_len is not None         # resolved
    lengths = parse_progressive(config.progressive, config.seq_len) if config.progressive else [config.seq_len]
    for seq_len in lengths:
        parts = micro_batches(config.batch_size * config.seq_len // seq_len, seq_len)
        if len(parts) < world.size:
            enough = max(world.size, -(-world.size * MICRO_BATCH_TOKENS // config.seq_len))
            raise UsageError(f"a batch of {config.batch_size} x {config.seq_len} has {len(parts)} parts of "
                             f"{MICRO_BATCH_TOKENS:,} tokens, too few for {world.size} ranks; use at most {len(parts)} "
                             f"ranks, or --batch {enough}")


def reasons(asked: TrainConfig, config: TrainConfig) -> list[str]:
    """What `resolve` made of settings that were left open, and why."""
    notes = []
    if asked.model is None:
        notes.append(f"{config.model} ({usable_cores()[0]} cores, {total_memory() / 2**30:.0f} GB; bolt-large is for "
                    f"{LARGE_CORES} and {LARGE_MEMORY >> 30})")
    if asked.threads is None:
        notes.append(f"threads {config.threads} ({best_threads()[1]})")
    if asked.workers is None:
        alone = config.threads != 1 and threading_layer() == "workqueue"
        why = WITHOUT_OPENMP if alone else "limited by threads and micro-batches"
        notes.append(f"workers {config.workers} ({why})")
    if asked.precision == "auto":
        notes.append(f"{config.precision} (the fastest with {ISA})")
    if asked.lr is None:
        factor = OPTIMIZERS.get(config.optimizer).lr_factor
        notes.append(f"lr {config.lr:g} (that of {config.model}{f' times {factor:g}' if factor != 1 else ''})")
    if config.objective != asked.objective:
        notes.append(f"objective {config.objective} (that of {config.model})")
    if asked.seq_len is None:
        notes.append(f"{config.seq_len} tokens a sequence (that of {config.model})")
    return notes


def check_set(config: TrainConfig) -> None:
    """UsageError if a name in --set is of no part of this run."""
    objectives = [OBJECTIVES.get(spec).name for spec, _ in objective_weights(config.objective or "")]
    parts = ["optimizer", "schedule", *(f"objective.{name}" for name in objectives)]
    for name, value in config.set.items():
        prefix, dot, _ = name.rpartition(".")
        if dot and prefix not in parts:
            named = ", ".join(f"{part}.NAME" for part in parts)
            without = "" if objectives or not prefix.startswith("objective") else "; this run has no --objective"
            raise UsageError(f"--set {name}={value}: wanted NAME, a field of the model, or {named}{without}")


def settings_of(config: TrainConfig, part: str) -> dict[str, Any]:
    """What --set holds for the model (part ""), the optimizer, the schedule or an objective, "objective.NAME"."""
    split = {name.rpartition("."): value for name, value in config.set.items()}
    return {field: value for (prefix, _, field), value in split.items() if prefix == part}


def model_config(config: TrainConfig) -> Any:
    """That of the model of a run."""
    given = settings_of(config, "")
    if config.vocab_size is not None:
        given["vocab_size"] = config.vocab_size
    return checked(MODELS.get(config.model).config_type, given, config.model)


def new_model(config: TrainConfig) -> LM:
    """As it is before the first step."""
    return MODELS.get(config.model)(model_config(config), config.seed)


def optimizer_config(config: TrainConfig) -> Any:
    optimizer_type = OPTIMIZERS.get(config.optimizer)
    return checked(optimizer_type.config_type, settings_of(config, "optimizer"), config.optimizer, "optimizer.")


def new_optimizer(config: TrainConfig, parameters: dict[str, Parameter]) -> Optimizer:
    return OPTIMIZERS.get(config.optimizer)(parameters, precision=config.precision, weight_decay=config.weight_decay,
                                            grad_clip=config.grad_clip, **settings_of(config, "optimizer"))


def schedule_of(config: TrainConfig) -> Schedule:
    return checked(SCHEDULES.get(config.schedule), settings_of(config, "schedule"), config.schedule, "schedule.")


def objective_weights(named: str) -> list[tuple[str, float | None]]:
    """Of "multi_token:0.3,my.py:Mine:0.1", the value of --objective, each name and its weight if it is given; "none"
    has none, also where the model has some of its own."""
    found: list[tuple[str, float | None]] = []
    for part in filter(None, named.split(",") if named != "none" else ()):
        spec, _, weight = part.rpartition(":")
        try:
            found.append((spec, float(weight)) if spec else (part, None))
        except ValueError:
            found.append((part, None))
        if not math.isfinite(found[-1][1] or 0):
            raise UsageError(f"--objective {part}: wanted a finite weight")
    return found


def new_objectives(config: TrainConfig, model: LM) -> list[Objective]:
    """The auxiliary ones, with parameters of their own for this model."""
    found: list[Objective] = []
    for spec, weight in objective_weights(config.objective or ""):
        objective_type = OBJECTIVES.get(spec)
        given = settings_of(config, f"objective.{objective_type.name}")
        checked(objective_type.config_type, given, spec, f"objective.{objective_type.name}.")
        found.append(objective_type(**given) if weight is None else objective_type(weight, **given))
        found[-1].setup(model, generator(config.seed, "objective", len(found)))
    trained_parameters(model, found)
    return found


def optimizer_file_shapes(settings: Any, model: LM) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors in optimizer.safetensors of a run with these settings: the optimizer's state, as
    "parameter.NAME" what objectives train besides the model, and with --ema as "trained.NAME" the weights, whose
    average the model has."""
    config = TrainConfig.from_json(settings)
    parameters = trained_parameters(model, new_objectives(config, model))
    shapes = OPTIMIZERS.get(config.optimizer).moment_shapes(parameters)
    if config.local_steps > 1:
        shapes |= {f"outer.{name}": p.shape for name, p in parameters.items()}
    if config.ema:
        shapes |= {f"trained.{name}": p.shape for name, p in parameters.items()}
    return shapes | {f"parameter.{name}": p.shape for name, p in parameters.items() if name not in model.parameters()}


def eval_precision(config: TrainConfig) -> str:
    """That of activations alone: what int8 rounds further shall not blur a score."""
    return "bf16" if config.precision == "int8" else config.precision


def corpora(config: TrainConfig) -> tuple[list[Corpus], Corpus]:
    """Those for training, one unless the run has a curriculum, and that for validation."""
    found = [open_for_training(source, config.val_data, config.field, encoding=config.encoding,
                               template=config.template, skip_bad=config.skip_bad)
             for source in (config.data.split(",") if config.curriculum else [config.data])]
    train = [select(text, config.min_words, config.max_words, config.subset, config.max_stories) for text, _ in found]
    val = [held_out for _, held_out in found]
    return train, val[0] if config.val_data else joined(val)


def new_course(config: TrainConfig, texts: list[np.ndarray]) -> Course:
    """The batches of a run. texts: the tokens of each text."""
    shares = list(map(float, config.curriculum.split(","))) if config.curriculum else [1.0]
    if len(shares) != len(texts):
        raise UsageError(f"--curriculum has {len(shares)} shares for {len(texts)} texts; give both in --curriculum, as "
                         "a.txt:0.3,b.txt:0.7")
    assert config.seq_len is not None         # resolved
    loaders = [Loader(tokens, config.batch_size, config.seq_len, config.seed) for tokens in texts]
    return Course(loaders, shares, parse_progressive(config.progressive, config.seq_len) if config.progressive
                  else [config.seq_len])


def budget(config: TrainConfig, steps_per_epoch: float) -> Budget:
    """Of the limits in steps, tokens and epochs the lowest, and the seconds."""
    limits = [config.steps, config.tokens and math.ceil(config.tokens / (config.batch_size * config.seq_len)),
              config.epochs and math.ceil(config.epochs * steps_per_epoch)]
    return Budget(config.hours and config.hours * 3600, min(filter(None, limits), default=None))


def refuse_outside_code(settings: dict[str, Any], given: dict[str, Any], what: str) -> None:
    """UsageError if settings from a file name code outside of this package that `given` does not name too.

    A file may come from anywhere, so it does not decide which code runs.
    """
    for key in ("data", "val_data", "model", "optimizer", "schedule", "objective", "log"):
        named = settings.get(key)
        if key in given or not isinstance(named, str):
            continue
        specs = [spec for spec, _ in objective_weights(named)] if key == "objective" else named.split(",")
        if runs_outside_code(named) if "data" in key else any(":" in spec for spec in specs):
            raise UsageError(f"{what} needs code outside of ternary, {named}; if you trust it, add "
                             f"{flag_of(key)} {named}")


def continued(resume: Path | str, given: dict[str, Any]) -> tuple[TrainConfig, Path]:
    """The settings of the run in the folder `resume`, with those of `given` that may change, and its last checkpoint.

    UsageError if `given` has others, or if the run needs code from outside that `given` does not name.
    """
    settings, path = world().first(lambda: settings_and_checkpoint(resume, dict(given)))
    return TrainConfig(**settings), Path(path)


def settings_and_checkpoint(resume: Path | str, given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """As plain values, by the files of this machine."""
    saved = checkpoint.load(find(Path(resume), prefer=("last",)))
    config = TrainConfig.from_json(saved.state.get("settings"))
    refuse_outside_code(config.to_json(), given, "this run")
    folder, asked = run_of(saved.path, saved.state["step"], Path(resume)), given.pop("save_dir", None)
    if folder is None:
        if not (saved.path / OPTIMIZER).exists():
            raise UsageError(f"{resume} has weights without the state of the optimizer, as exports have, so training "
                             "cannot go on from it; resume the run that it was exported from")
        if asked is None:
            fresh = shlex.quote(str(Path(resume)) + "-run")
            raise UsageError(f"{resume} is a checkpoint outside of the folder of its run; say in which folder the run "
                             f"goes on, such as --save-dir {fresh}")
        if has_checkpoint(Path(asked)):
            raise UsageError(f"--save-dir {asked} holds a run already; choose another for what {resume} continues")
        folder = Path(asked)
    elif asked is not None and Path(asked).resolve() != folder.resolve():
        raise UsageError(f"--save-dir differs from --resume {resume}; a resumed run stays in its folder, leave it out")
    return {**config.resumed(given).to_json(), "save_dir": str(folder)}, str(saved.path)
