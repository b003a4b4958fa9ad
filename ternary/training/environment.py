"""What a run tells of itself when it starts: on the screen, and in the report."""
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numba
import numpy as np

import ternary
from ternary.compiler.isa import ISA
from ternary.config import TrainConfig
from ternary.machine.hardware import cpu_name, usable_cores
from ternary.machine.threads import threading_layer
from ternary.models import MODELS
from ternary.training.plan import reasons

if TYPE_CHECKING:
    from ternary.training.run import Run


def environment(run: "Run") -> dict[str, str]:
    """Where and on what, for the report."""
    return {"CPU": cpu_name(), "CPU path": ISA,
            "threads": f"{run.config.threads} by {threading_layer()} ({usable_cores()[1]})",
            "ranks": str(run.world.size),
            "ternary": ternary.__version__, "numba": numba.__version__, "numpy": np.__version__,
            "stories": f"{run.counts['stories']:,}", "tokens": f"{run.counts['tokens']:,}",
            "characters per token": f"{run.chars_per_token:.3f}", "validation stories": val_stories(run),
            "data": run.source_hash, "tokenizer": run.tokenizer.hash}


def val_stories(run: "Run") -> str:
    """How many, and how many of those given were trained on."""
    if run.scored_seen:
        return f"{len(run.val_stories)}, ALL of which are trained on: their score is one of training"
    return f"{len(run.val_stories)}" + (f" ({run.val_seen} more are trained on, and left out)" if run.val_seen else "")


def describe(run: "Run", asked: TrainConfig) -> Iterator[str]:
    """`asked`: the settings as they were given, before any was chosen."""
    c = run.config
    if (asked.threads or 0) > c.threads:
        yield f"--threads {asked.threads}: only {c.threads} are usable here ({usable_cores()[1]})"
    yield (f"{c.model}: {run.model.parameter_count:,} parameters, {c.precision}, threads {c.threads}, "
           f"workers {c.workers}, {ISA}, "
           f"{f'{run.world.size} ranks, ' if run.world.size > 1 else ''}"
           f"batch {c.batch_size} x {c.seq_len}, lr {c.lr:g}, memory {run.memory}")
    if differs := differences(run):
        yield (f"this run goes on with {differs}: sums are rounded in another order, so losses may differ in their "
               "last digits from those that it would have had")
    if chosen := reasons(asked, c):
        yield f"chosen: {', '.join(chosen)}"
    if c.lr > 1:
        yield f"warning: --lr {c.lr:g} is far above what trains; {MODELS.get(c.model).lr:g} is that of {c.model}"
    yield (f"data {c.data}: {run.counts['stories']:,} stories, {run.counts['tokens']:,} tokens "
           f"({run.chars_per_token:.2f} characters each); validation stories: {val_stories(run)}")
    if run.progress() >= 1:
        yield f"the budget of this run is used up; to go on: {run.resume_command} with a larger --steps, --tokens, " \
              "--epochs or --hours"


def differences(run: "Run") -> str:
    """What changes how sums are rounded, and is not as it was when the checkpoint was saved that a run continues."""
    before, now = run.before, {"threads of a worker": run.workers.threads, "ranks": run.world.size, "CPU path": ISA}
    return " and ".join(f"{name} {now[name]} instead of {old}" for name, old in before.items() if old != now[name])
