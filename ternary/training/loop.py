"""Training, from top to bottom."""
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ternary.checkpoint.folder import check_folder, try_folder
from ternary.checkpoint.layout import has_checkpoint
from ternary.checkpoint.lock import locked
from ternary.config import TrainConfig
from ternary.errors import NumericError, ResourceError, UsageError
from ternary.machine.heartbeat import heartbeat
from ternary.training.callbacks import Callback, standard
from ternary.training.environment import describe, environment
from ternary.training.logbook import Logbook
from ternary.training.loggers import check_loggers, open_sinks
from ternary.training.plan import resolve
from ternary.training.run import Run
from ternary.training.run_folder import refuse_foreign
from ternary.training.schedules import learning_rate, warmed
from ternary.training.step import uninterrupted


def train(config: TrainConfig, resume: Path | None = None, callbacks: Sequence[Callback] = ()) -> dict[str, Any]:
    """Train, or continue from the checkpoint `resume` (then `config` is that of its run) -> JSON of `ternary train`.

    callbacks: besides the standard ones. An interrupted run is saved; the KeyboardInterrupt then tells how to go on.
    """
    asked, config = config, resolve(config)
    folder = Path(config.save_dir)
    check_folder(folder)
    refuse_foreign(folder)
    check_loggers(config.log)
    if not resume and has_checkpoint(folder):
        raise UsageError(f"{folder} holds a run already; continue it with --resume {folder}, or choose another "
                         "--save-dir")
    with locked(folder) as warnings:
        warnings += try_folder(folder)
        run = Run(config, resume, [*standard(), *callbacks])
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
            try:
                with heartbeat(lambda: f"training: step {run.step + 1:,}"):       # one step may take long
                    return train_to_the_end(run)
            except KeyboardInterrupt as stop:
                raise type(stop)(run.save_if_needed()) from None


def train_to_the_end(run: Run) -> dict[str, Any]:
    """Steps until the budget is used or a callback stops the run."""
    first, start = run.step, time.monotonic()
    run.call("start")
    run.call("pause")
    run.share = run.progress()
    while run.share < 1 and not run.stopped:
        with uninterrupted():
            step(run, first)
        run.call("pause")
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


def step(run: Run, first: int) -> None:
    """One step at its share of the budget. first: the step at which this process began."""
    c, start = run.config, time.monotonic()
    assert c.lr is not None               # resolved
    lr = run.lr_scale * learning_rate(run.step, run.share, run.schedule, lr=c.lr, min_lr=c.min_lr, warmup=c.warmup)
    # before a model can tell words apart, leaving out blocks of them costs more than it saves
    sampling = c.vocab_sampling if warmed(run.step, run.share, c.warmup) == 1 else 0.0
    try:
        loss, grad_norm = run.trainer.step(*run.course.batch(run.share), lr, sampling)
    except NumericError as error:
        run.call("unsound", error)
        run.share = run.progress()
        return
    run.course.advance(run.share)
    run.step += 1
    if run.average:
        run.average.update(run.step)
    if run.step > first + 1:              # the first step compiles, it is no measure
        run.fastest_step = min(run.fastest_step, time.monotonic() - start)
    run.share = run.progress()
    run.call("step", loss, grad_norm, lr)
