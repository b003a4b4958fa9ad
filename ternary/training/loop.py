"""Training, from top to bottom."""
import math
import signal
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from ternary.checkpoint.folder import check_folder, try_folder
from ternary.checkpoint.layout import has_checkpoint
from ternary.checkpoint.lock import locked
from ternary.config import TrainConfig
from ternary.errors import NumericError, ResourceError, UsageError
from ternary.machine.heartbeat import heartbeat
from ternary.machine.ranks import world as join
from ternary.training.callbacks import Callback, standard
from ternary.training.callbacks.base import plain_state
from ternary.training.environment import describe, environment
from ternary.training.logbook import Logbook
from ternary.training.loggers import check_loggers, open_sinks
from ternary.training.plan import check_ranks, resolve
from ternary.training.run import Run
from ternary.training.run_folder import refuse_foreign
from ternary.training.schedules import learning_rate, warmed
from ternary.training.step import uninterrupted


def train(config: TrainConfig, resume: Path | None = None, callbacks: Sequence[Callback] = ()) -> dict[str, Any]:
    """Train, or continue from the checkpoint `resume` (then `config` is that of its run) -> JSON of `ternary train`.

    callbacks: besides the standard ones. An interrupted run is saved; the KeyboardInterrupt then tells how to go on.
    Of several ranks only rank 0 writes, prints and calls `callbacks`; what the machine decides is decided by its own.
    """
    world = join()
    world.timeout = config.rank_timeout
    chosen = world.first(lambda: resolve(config, world.size).to_json())
    own = {"threads": config.threads, "workers": config.workers}
    asked, config = config, resolve(TrainConfig(**{**chosen, **own}), world.size)
    check_ranks(config, world)
    if world.rank:
        return interruptible(Run(config, resume, standard(), world))
    folder = Path(config.save_dir)
    check_folder(folder)
    refuse_foreign(folder)
    check_loggers(config.log)
    if not resume and has_checkpoint(folder):
        raise UsageError(f"{folder} holds a run already; continue it with --resume {folder}, or choose another "
                         "--save-dir")
    with locked(folder) as warnings:
        warnings += try_folder(folder)
        run = Run(config, resume, [*standard(), *callbacks], world)
        if not run.step and run.share >= 1:
            raise UsageError(f"--hours {config.hours:g} were over when the data was prepared, in {run.seconds:.1f} s; "
                             "it is kept: the same command gets further, or give more --hours")
        with Logbook(folder) as log:
            run.attach(log)
            log.sinks = open_sinks(config.log, folder, run.config.to_json(), log.message)
            for line in (*describe(run, asked), *warnings):
                log.message(line)
            log.record("start", run.step, settings=run.config.to_json(), parameters=run.model.parameter_count,
                       facts=environment(run))
            return interruptible(run)


def interruptible(run: Run) -> dict[str, Any]:
    """Train; an interrupted run is saved."""
    try:
        with heartbeat(lambda: f"training: step {run.step + 1:,}"):       # one step may take long
            return train_to_the_end(run)
    except KeyboardInterrupt as stop:
        raise type(stop)(run.save_if_needed()) from None


def train_to_the_end(run: Run) -> dict[str, Any]:
    """Steps until the budget is used or a callback stops the run."""
    first, start = run.step, time.monotonic()
    run.call("start")
    for callback in run.callbacks:
        plain_state(callback)             # an error now, not at the first checkpoint
    meets = run.world.size > 1 or run.trainer.exchange.every > 1
    several: AbstractContextManager[list[int]] = uninterrupted() if meets else nullcontext([])
    with several as caught:               # ranks stop at the same step, local steps where they meet
        goes_on(run, caught)
        run.call("pause")
        run.share = run.progress()
        while goes_on(run, caught):
            with uninterrupted():
                step(run, first)
            run.call("pause")
        if not run.interrupted:
            run.call("finish")
    if run.stopped:
        run.log.message(f"stopped: {run.stopped}")
    speed = (run.step - first) * run.tokens_per_step / max(time.monotonic() - start, 1e-9)
    run.log.record("end", run.step, val_bpc=run.val_bpc, seconds=run.seconds)
    run.call("close")
    if run.save_error:
        kept = f"the last checkpoint is that of step {run.saved:,}" if run.saved else "there is no checkpoint"
        raise ResourceError(f"{run.save_error}; the run is at its end, and {kept}; then: {run.resume_command}")
    return {"checkpoint": run.config.save_dir, "step": run.step, "tokens": run.tokens, "seconds": run.seconds,
            "tokens_per_second": speed, "train_loss": run.loss, "val_loss": run.val_loss, "val_bpc": run.val_bpc}


def goes_on(run: Run, caught: list[int]) -> bool:
    """Before a step: whether to make it. Where ranks meet, rank 0 decides, and a signal on one of them ends all."""
    if not run.together:
        return True
    decided = np.array([run.share, run.lr_scale, bool(run.stopped), run.evaluated or -1, len(caught)])
    if run.world.rank:
        decided[:-1] = 0
    run.world.all_reduce(decided)
    run.share, run.lr_scale, run.interrupted = float(decided[0]), float(decided[1]), bool(decided[-1])
    run.stopped = (run.stopped or "by rank 0") if decided[2] else None
    run.evaluated = int(decided[3]) if decided[3] >= 0 else None
    if run.interrupted and not caught:
        signal.raise_signal(signal.SIGINT)                # which is noted here, as it was on another rank
    return run.share < 1 and not run.stopped and not run.interrupted


def due(run: Run, step: int) -> bool:
    """Whether the ranks meet after `step`."""
    return step % run.trainer.exchange.every == 0 or step % run.eval_every == 0 or step == run.budget.steps


def step(run: Run, first: int) -> None:
    """One step at its share of the budget. first: the step at which this process began."""
    c, start = run.config, time.monotonic()
    assert c.lr is not None               # resolved
    if not run.step:
        run.begun = run.share
    lr = run.lr_scale * learning_rate(run.step, run.share, run.schedule, lr=c.lr, min_lr=c.min_lr, warmup=c.warmup,
                                      begun=run.begun)
    # before a model can tell words apart, leaving out blocks of them costs more than it saves
    sampling = c.vocab_sampling if warmed(run.step, run.share, c.warmup, run.begun) == 1 else 0.0
    run.trainer.guard.reads(run.course.text(run.share))
    try:
        loss, grad_norm = run.trainer.step(*run.course.batch(run.share), lr, sampling)
    except NumericError as error:
        loss, grad_norm, run.unsound = math.nan, math.nan, error
    if due(run, run.step + 1):
        unsound, run.unsound = run.trainer.exchange.meet(run.unsound), None
        if unsound:
            run.call("unsound", unsound)
            run.share = run.progress()
            return
        run.met = run.step + 1
    run.course.advance(run.share)
    run.step += 1
    if run.average:
        run.average.update(run.step)
    if run.step > first + 1:              # the first step compiles, it is no measure
        run.fastest_step = min(run.fastest_step, time.monotonic() - start)
    if run.together or not run.budget.seconds:            # clocks differ
        run.share = run.progress()
    run.call("step", loss, grad_norm, lr)
